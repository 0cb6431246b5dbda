import { ArrivalsPanel } from "./ArrivalsPanel";
import { DeadLettersPanel } from "./DeadLettersPanel";
import { LagPanel } from "./LagPanel";

/** Whether what is sent is counted: consumer lag, dead letters, what each service sends. */
export function IngestTab() {
  return (
    <div className="flex flex-col gap-3">
      <LagPanel />
      <DeadLettersPanel />
      <ArrivalsPanel />
    </div>
  );
}
