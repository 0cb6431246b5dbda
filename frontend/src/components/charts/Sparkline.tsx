interface Props {
  values: readonly (number | null)[];
  label: string;
  width?: number;
  height?: number;
}

/** Burn rates on a square-root scale, so that a spike leaves the rest readable; 1 is marked. */
export function Sparkline({ values, label, width = 112, height = 28 }: Props) {
  const known = values.filter((v): v is number => v !== null);
  const top = Math.sqrt(Math.max(2, ...known));
  const y = (v: number) => height - 1 - (Math.sqrt(Math.max(0, v)) / top) * (height - 3);
  const step = width / Math.max(1, values.length);
  const limit = y(1);
  return (
    <svg width={width} height={height} role="img" aria-label={label} className="block">
      {values.map((v, i) =>
        v === null ? null : (
          <rect
            key={i}
            x={i * step + 0.5}
            y={y(v)}
            width={Math.max(1, step - 1)}
            height={Math.max(0.8, height - 1 - y(v))}
            fill={v > 2 ? "var(--freeze)" : v >= 1 ? "var(--danger)" : "var(--unknown)"}
          />
        ),
      )}
      <line
        x1={0}
        x2={width}
        y1={limit}
        y2={limit}
        stroke="var(--strong-line)"
        strokeDasharray="2 2"
      />
    </svg>
  );
}
