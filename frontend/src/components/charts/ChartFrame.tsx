import { ChartLine, Table } from "lucide-react";
import { useState, type ReactNode } from "react";

import { Panel } from "../ui/Panel";

export interface TableColumn<Row> {
  head: string;
  cell: (row: Row) => string;
}

interface Props<Row> {
  title: string;
  /** What the chart shows, in a sentence, for who cannot see it. */
  summary: string;
  rows: readonly Row[];
  columns: readonly TableColumn<Row>[];
  legend?: ReactNode;
  children: ReactNode;
}

const MOST_ROWS = 400;

/** A chart that is a table too, at a press. */
export function ChartFrame<Row>(props: Props<Row>) {
  const [asTable, setAsTable] = useState(false);
  const Icon = asTable ? ChartLine : Table;
  const aside = (
    <>
      {props.legend}
      <button
        type="button"
        aria-pressed={asTable}
        onClick={() => setAsTable(!asTable)}
        className="inline-flex items-center gap-1 rounded-md border border-line px-2 py-1 text-xs hover:bg-raised"
      >
        <Icon size={13} aria-hidden />
        {asTable ? "Chart" : "Table"}
      </button>
    </>
  );
  return (
    <Panel title={props.title} aside={aside}>
      {asTable ? (
        <DataTable {...props} />
      ) : (
        <figure aria-label={props.summary} className="m-0">
          {props.children}
        </figure>
      )}
    </Panel>
  );
}

function DataTable<Row>({ summary, rows, columns }: Props<Row>) {
  const shown = rows.slice(-MOST_ROWS).reverse();
  return (
    <div tabIndex={0} role="region" aria-label={summary} className="max-h-72 overflow-auto">
      <table className="w-full text-right text-xs">
        <caption className="sr-only">{summary}</caption>
        <thead className="sticky top-0 bg-panel text-muted">
          <tr>
            {columns.map((column) => (
              <th key={column.head} scope="col" className="px-2 py-1 font-medium first:text-left">
                {column.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((row, i) => (
            <tr key={i} className="border-t border-line">
              {columns.map((column) => (
                <td key={column.head} className="px-2 py-1 whitespace-nowrap first:text-left">
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
