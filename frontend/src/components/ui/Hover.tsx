import { Tooltip } from "radix-ui";
import type { ReactElement, ReactNode } from "react";

/** Says more on hover and on focus; what matters never stands here alone. */
export function Hover({ says, children }: { says: ReactNode; children: ReactElement }) {
  return (
    <Tooltip.Root>
      <Tooltip.Trigger asChild>{children}</Tooltip.Trigger>
      <Tooltip.Portal>
        <Tooltip.Content
          sideOffset={6}
          className="z-50 max-w-80 rounded-md border border-line bg-ink px-3 py-2 text-xs leading-5 text-panel shadow-lg"
        >
          {says}
          <Tooltip.Arrow className="fill-ink" />
        </Tooltip.Content>
      </Tooltip.Portal>
    </Tooltip.Root>
  );
}
