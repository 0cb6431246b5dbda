import { Link } from "react-router-dom";

import type { AuditEntry } from "../../api/audit";
import { attributed } from "../../lib/format";
import { fullTime, type Zone } from "../../lib/time";
import { pageOf, shownValue } from "./filter";

/** Who did what to which, why, and what it was before and has been since. */
export function EntryRow({ entry, zone }: { entry: AuditEntry; zone: Zone }) {
  const page = pageOf(entry);
  const named = `${entry.subject}${entry.service_name ? ` of ${entry.service_name}` : ""}`;
  return (
    <li className="px-4 py-2 text-sm">
      <div className="flex flex-wrap items-baseline gap-x-3">
        <span className="w-44 text-muted">{fullTime(entry.at, zone)}</span>
        <span className="min-w-0 flex-1 basis-72 break-words">
          <strong>{attributed(entry.actor, entry.on_behalf_of)}</strong> {entry.action}{" "}
          {page === null ? (
            <span className="text-muted">{named}</span>
          ) : (
            <Link to={page} className="underline">
              {named}
            </Link>
          )}
          {entry.reason && <span className="block">{entry.reason}</span>}
        </span>
        <span className="font-mono text-xs text-muted" title={`hash ${entry.hash}`}>
          {entry.id}
        </span>
      </div>
      {entry.changes.length > 0 && (
        <dl className="mt-1 grid grid-cols-[minmax(7rem,auto)_1fr] gap-x-3 text-xs sm:ml-47">
          {entry.changes.map(({ field, old, new: since }) => (
            <div key={field} className="contents">
              <dt className="text-muted">{field}</dt>
              <dd className="min-w-0 break-words">
                {old !== null && <del className="text-muted">{shownValue(old)}</del>}
                {old !== null && " → "}
                <ins className="no-underline">{shownValue(since)}</ins>
              </dd>
            </div>
          ))}
        </dl>
      )}
      {entry.credential !== null && entry.credential !== entry.actor && (
        <p className="mt-1 text-xs text-muted sm:ml-47">credential {entry.credential}</p>
      )}
    </li>
  );
}
