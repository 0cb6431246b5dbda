import { Link } from "react-router-dom";

import { Empty } from "../components/ui/states";

export function NotFound() {
  return (
    <Empty title="There is no such page">
      <Link to="/" className="underline">
        Go to the overview
      </Link>
    </Empty>
  );
}
