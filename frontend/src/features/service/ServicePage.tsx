import { useQuery } from "@tanstack/react-query";
import { ArrowLeft } from "lucide-react";
import { Link, useParams } from "react-router-dom";

import { ProblemError } from "../../api/client";
import { serviceQuery } from "../../api/services";
import { sloQuery, type SloReport } from "../../api/slo";
import { useIsStale } from "../../components/freshness";
import { HealthBadge } from "../../components/HealthBadge";
import { Empty, Shown } from "../../components/ui/states";
import { duration } from "../../lib/format";
import { STATUS_MEANING } from "../../lib/health";
import { useAddress, withParameter } from "../../lib/useAddress";
import { useNow } from "../../lib/useNow";
import { ChangesPanel } from "./ChangesPanel";
import { Charts } from "./Charts";
import { ForecastPanel } from "./ForecastPanel";
import { GatePanel } from "./GatePanel";
import { LooseningPanel } from "./LooseningPanel";
import { NarrativePanel } from "./NarrativePanel";
import { SloCards } from "./SloCards";
import { TargetsPanel } from "./TargetsPanel";

export function ServicePage() {
  const name = useParams()["name"] ?? "";
  const report = useQuery(sloQuery(name));
  if (report.data === undefined && isUnknown(report.error)) return <NoSuchService name={name} />;
  return (
    <Shown query={report} height="70vh">
      {(found) => <Service key={name} report={found} />}
    </Shown>
  );
}

function isUnknown(error: Error | null): boolean {
  return error instanceof ProblemError && error.status === 404;
}

function NoSuchService({ name }: { name: string }) {
  return (
    <Empty title={`There is no service ${name}`}>
      It appears with its first event, or{" "}
      <Link to="/settings" className="underline">
        declare it
      </Link>
      .{" "}
      <Link to="/" className="underline">
        Those there are
      </Link>{" "}
      stand on the overview.
    </Empty>
  );
}

function Service({ report }: { report: SloReport }) {
  const name = report.service_name;
  const [search, edit] = useAddress();
  const stale = useIsStale();
  const asked = Number(search.get("slo"));
  const slo = report.slos.find((s) => s.id === asked) ??
    report.slos.find((s) => s.id === report.slo_id) ??
    report.slos[0] ?? { id: null, window_days: 30 };
  const choose = (id: number | null) =>
    edit((now) => withParameter(now, "slo", id === null ? null : String(id)), { replace: true });
  return (
    <div className={`flex flex-col gap-3 ${stale ? "opacity-70" : ""}`}>
      <Heading report={report} />
      <div className="grid gap-3 xl:grid-cols-[minmax(0,1fr)_24rem]">
        {/* in one column the verdict comes before the charts */}
        <div className="contents min-w-0 flex-col gap-3 xl:flex">
          <div className="-order-2 min-w-0">
            <SloCards slos={report.slos} chosen={slo.id} onChoose={choose} />
          </div>
          <Charts report={report} slo={slo.id} />
          <TargetsPanel service={name} />
        </div>
        <div className="contents min-w-0 flex-col gap-3 xl:flex">
          <div className="-order-1 min-w-0">
            <GatePanel service={name} />
          </div>
          <LooseningPanel service={name} />
          <ChangesPanel service={name} />
          <ForecastPanel service={name} slo={slo.id} windowDays={slo.window_days} />
          <NarrativePanel report={report} />
        </div>
      </div>
    </div>
  );
}

function Heading({ report }: { report: SloReport }) {
  const service = useQuery(serviceQuery(report.service_name)).data;
  const now = useNow(1000);
  const newest = report.newest_at === null ? null : (now - Date.parse(report.newest_at)) / 1000;
  return (
    <div className="flex flex-wrap items-center gap-x-4 gap-y-1">
      <Link to="/" aria-label="Back to the overview" className="rounded p-1 hover:bg-raised">
        <ArrowLeft size={18} aria-hidden />
      </Link>
      <h1 className="text-2xl font-bold">{report.service_name}</h1>
      <HealthBadge level={report.risk_level} status={report.data_status} large />
      {service && (
        <span className="text-sm text-muted">
          tier {service.tier}
          {service.owner && ` · ${service.owner}`}
          {service.description && ` · ${service.description}`}
        </span>
      )}
      <span className="ml-auto text-sm text-muted">
        {newest === null ? STATUS_MEANING.no_data : `newest report ${duration(newest)} old`}
      </span>
    </div>
  );
}
