interface Props {
  values: readonly (number | null)[];
  label: string;
  width?: number;
  height?: number;
}

const FILLS = ["var(--unknown)", "var(--danger)", "var(--freeze)"] as const;

/** Burn rates on a square-root scale, so that a spike leaves the rest readable; 1 is marked. */
export function Sparkline({ values, label, width = 112, height = 28 }: Props) {
  const known = values.filter((v): v is number => v !== null);
  const top = Math.sqrt(Math.max(2, ...known));
  const y = (v: number) => height - 1 - (Math.sqrt(Math.max(0, v)) / top) * (height - 3);
  const step = width / Math.max(1, values.length);
  const limit = y(1);
  // a path for each colour, not an element for each bar: a list of services has hundreds of bars
  const paths: [string, string, string] = ["", "", ""];
  values.forEach((v, i) => {
    if (v === null) return;
    const foot = Math.max(y(v) + 0.8, height - 1).toFixed(1);
    const [left, right] = [i * step + 0.5, i * step + Math.max(1.5, step - 0.5)];
    const colour = v > 2 ? 2 : v >= 1 ? 1 : 0;
    paths[colour] += `M${left.toFixed(1)} ${foot}V${y(v).toFixed(1)}H${right.toFixed(1)}V${foot}Z`;
  });
  return (
    <svg width={width} height={height} role="img" aria-label={label} className="block">
      {paths.map((d, i) => (d === "" ? null : <path key={i} d={d} fill={FILLS[i]} />))}
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
