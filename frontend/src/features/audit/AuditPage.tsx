import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { Download } from "lucide-react";

import { auditFile, auditQuery, type AuditFilter, type FileFormat } from "../../api/audit";
import { Button } from "../../components/ui/Button";
import { SelectField, TextField } from "../../components/ui/Field";
import { Panel } from "../../components/ui/Panel";
import { Empty, Failure, Shown } from "../../components/ui/states";
import { zone } from "../../lib/preferences";
import { useStore } from "../../lib/store";
import { useAddress, withParameter } from "../../lib/useAddress";
import { EntryRow } from "./EntryRow";
import { ACTIONS, OBJECT_TYPES, filterOf, instantOf, typedOf, type FilterName } from "./filter";

const choices = (names: readonly string[]) =>
  [["", "any"], ...names.map((name) => [name, name] as const)] as const;

/** Who changed what, from which value to which: found by object, person, kind and time. */
export function AuditPage() {
  const [search] = useAddress();
  const filter = filterOf(search);
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center gap-4">
        <h1 className="text-2xl font-bold">Audit</h1>
        <Files filter={filter} />
      </div>
      <Filters />
      <Entries filter={filter} />
    </div>
  );
}

function Filters() {
  const [search, edit] = useAddress();
  const chosenZone = useStore(zone);
  const set = (name: FilterName, value: string | null) =>
    edit((now) => withParameter(now, name, value || null), { replace: true });
  const text = (name: FilterName) => ({
    value: search.get(name) ?? "",
    onChange: (event: { target: { value: string } }) => set(name, event.target.value),
  });
  const time = (name: "from" | "to") => ({
    type: "datetime-local",
    value: typedOf(search.get(name), chosenZone),
    onChange: (event: { target: { value: string } }) =>
      set(name, instantOf(event.target.value, chosenZone)),
  });
  return (
    <form
      role="search"
      aria-label="Entries of the audit"
      className="grid gap-3 sm:grid-cols-3 xl:grid-cols-6"
      onSubmit={(event) => event.preventDefault()}
    >
      <SelectField label="Object" options={choices(OBJECT_TYPES)} {...text("object_type")} />
      <TextField label="Its name or id" {...text("object_name")} />
      <TextField label="Person or credential" {...text("person")} />
      <SelectField label="Action" options={choices(ACTIONS)} {...text("action")} />
      <TextField label={`From, ${chosenZone}`} {...time("from")} />
      <TextField label={`To, ${chosenZone}`} {...time("to")} />
    </form>
  );
}

function Entries({ filter }: { filter: AuditFilter }) {
  const query = useInfiniteQuery(auditQuery(filter));
  const chosenZone = useStore(zone);
  return (
    <Shown query={query} height="50vh">
      {({ pages }) => {
        const entries = pages.flatMap((page) => page.entries);
        if (entries.length === 0) return <Nothing asked={Object.keys(filter).length > 0} />;
        return (
          <Panel title="Newest first">
            <ol className="-m-4 divide-y divide-line">
              {entries.map((entry) => (
                <EntryRow key={entry.id} entry={entry} zone={chosenZone} />
              ))}
            </ol>
            {query.hasNextPage && (
              <Button
                className="mt-6"
                disabled={query.isFetchingNextPage}
                onClick={() => void query.fetchNextPage()}
              >
                Show older ones
              </Button>
            )}
          </Panel>
        );
      }}
    </Shown>
  );
}

function Nothing({ asked }: { asked: boolean }) {
  if (asked) return <Empty title="No entry matches">Ask for less above.</Empty>;
  return (
    <Empty title="Nothing has been written yet">
      Whatever is created, changed, overridden or deleted stands here for good.
    </Empty>
  );
}

/** The audit, or what of it is asked for, saved as a file that can be verified. */
function Files({ filter }: { filter: AuditFilter }) {
  const saving = useMutation({
    mutationFn: async (format: FileFormat) => {
      save(await auditFile(filter, format), `burnline-audit.${format}`);
    },
  });
  return (
    <div className="flex flex-wrap items-center gap-2">
      {(["csv", "ndjson"] as const).map((format) => (
        <Button key={format} disabled={saving.isPending} onClick={() => saving.mutate(format)}>
          <Download size={14} aria-hidden /> {format.toUpperCase()}
        </Button>
      ))}
      <span className="text-xs text-muted">
        <code>burnline audit verify FILE</code> names the first record that was altered.
      </span>
      {saving.error && <Failure error={saving.error} />}
    </div>
  );
}

function save(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  // the browser reads it after this turn
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
