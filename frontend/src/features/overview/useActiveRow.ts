import { useState } from "react";
import { useNavigate } from "react-router-dom";

import { useShortcuts } from "../../lib/shortcuts";

/** The row that the keyboard is on; it follows its service when the order changes. */
export function useActiveRow(
  rows: readonly { service_name: string }[],
  onMove: (index: number) => void,
): string | null {
  const [name, setName] = useState<string | null>(null);
  const navigate = useNavigate();
  const index = rows.findIndex((row) => row.service_name === name);
  const move = (by: number) => {
    const next = Math.min(rows.length - 1, Math.max(0, index < 0 ? 0 : index + by));
    setName(rows[next]?.service_name ?? null);
    onMove(next);
  };
  const open = (event: KeyboardEvent) => {
    const target = event.target instanceof HTMLElement ? event.target : null;
    const onControl = target?.closest("a, button") ?? null;
    if (onControl instanceof HTMLElement) onControl.click();
    else if (index >= 0) void navigate(`/services/${name}`);
  };
  useShortcuts({ j: () => move(1), k: () => move(-1), Enter: open });
  return index < 0 ? null : name;
}
