interface Entry {
  name: string;
  colour: string;
  dash?: string;
  area?: boolean;
}

/** Lines by name, colour and dash, as they are drawn. */
export function Legend({ entries }: { entries: readonly Entry[] }) {
  return (
    <ul className="flex flex-wrap gap-x-3 gap-y-1 text-xs">
      {entries.map((entry) => (
        <li key={entry.name} className="flex items-center gap-1.5">
          <svg width={18} height={8} aria-hidden>
            {entry.area ? (
              <rect width={18} height={8} fill={entry.colour} opacity={0.3} />
            ) : (
              <line
                x1={0}
                x2={18}
                y1={4}
                y2={4}
                stroke={entry.colour}
                strokeWidth={2}
                strokeDasharray={entry.dash}
              />
            )}
          </svg>
          {entry.name}
        </li>
      ))}
    </ul>
  );
}
