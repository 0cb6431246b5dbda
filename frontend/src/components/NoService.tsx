import { Link } from "react-router-dom";

import { FirstEvent } from "./FirstEvent";
import { Empty } from "./ui/states";

export function NoService() {
  return (
    <Empty title="No service yet">
      <FirstEvent />
      <p className="mt-3">
        Or declare it, with owner and tier, under{" "}
        <Link to="/settings" className="underline">
          Settings
        </Link>
        .
      </p>
    </Empty>
  );
}
