import { ArrivalsPanel } from "./ArrivalsPanel";
import { DeadLettersPanel } from "./DeadLettersPanel";
import { LagPanel } from "./LagPanel";

/** Whether what is sent is counted: what waits, what could not be taken, what each service sends. */
export function IngestTab() {
  return (
    <div className="flex flex-col gap-3">
      <LagPanel />
      <DeadLettersPanel />
      <ArrivalsPanel />
    </div>
  );
}
