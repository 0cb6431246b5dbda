import { CircleHelp, Clock, KeyRound, Moon, Radio, Sun, SunMoon, WifiOff } from "lucide-react";
import { NavLink, Link } from "react-router-dom";

import { connection } from "../api/live";
import { Hover } from "../components/ui/Hover";
import { theme, zone, type Theme } from "../lib/preferences";
import { useStore } from "../lib/store";
import { token } from "../lib/token";
import { askForToken } from "../lib/writeAccess";

const PAGES = [
  ["/", "Overview"],
  ["/alerts", "Alerts"],
  ["/releases", "Releases"],
  ["/settings", "Settings"],
  ["/audit", "Audit"],
  ["/keys", "Keys"],
] as const;

const NEXT_THEME: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
const THEME_ICONS = { system: SunMoon, light: Sun, dark: Moon };
const ICON_BUTTON =
  "inline-flex h-8 min-w-8 items-center justify-center gap-1 rounded-md px-1.5 text-sm hover:bg-raised";

export function Header({ onHelp }: { onHelp: () => void }) {
  return (
    <header className="border-b border-line bg-panel">
      <div className="mx-auto flex max-w-[142rem] flex-wrap items-center gap-x-5 gap-y-1 px-3 py-2 sm:px-6">
        <Link to="/" className="flex items-center gap-2 text-base font-bold">
          <img src="/icon.svg" alt="" width={24} height={24} />
          Burnline
        </Link>
        <nav
          aria-label="Pages"
          className="order-last -mx-1 flex w-full gap-1 overflow-x-auto sm:order-none sm:w-auto"
        >
          {PAGES.map(([path, name]) => (
            <NavLink
              key={path}
              to={path}
              end={path === "/"}
              className={({ isActive }) =>
                `rounded-md px-3 py-1.5 text-sm ${isActive ? "bg-raised font-semibold" : "text-muted hover:bg-raised"}`
              }
            >
              {name}
            </NavLink>
          ))}
        </nav>
        <div className="ml-auto flex items-center gap-1">
          <LiveMark />
          <ZoneSwitch />
          <ThemeSwitch />
          <TokenMark />
          <button
            type="button"
            className={ICON_BUTTON}
            onClick={onHelp}
            aria-label="Keyboard and help"
          >
            <CircleHelp size={17} aria-hidden />
          </button>
        </div>
      </div>
    </header>
  );
}

function LiveMark() {
  const state = useStore(connection);
  const live = state === "live";
  const Icon = live ? Radio : WifiOff;
  return (
    <Hover says={live ? "Changes arrive as they happen." : "The page asks every 10 s for news."}>
      <span
        tabIndex={0}
        aria-live="polite"
        className={`mr-1 inline-flex items-center gap-1.5 text-sm ${live ? "text-muted" : "text-danger-ink"}`}
      >
        <Icon size={15} aria-hidden />
        {state}
      </span>
    </Hover>
  );
}

function ZoneSwitch() {
  const chosen = useStore(zone);
  const other = chosen === "utc" ? "local" : "utc";
  return (
    <button
      type="button"
      className={ICON_BUTTON}
      onClick={() => zone.set(other)}
      aria-label={`Times are ${chosen === "utc" ? "UTC" : "local"}; show ${other === "utc" ? "UTC" : "local"} times`}
    >
      <Clock size={16} aria-hidden />
      {chosen === "utc" ? "UTC" : "local"}
    </button>
  );
}

function ThemeSwitch() {
  const chosen = useStore(theme);
  const Icon = THEME_ICONS[chosen];
  return (
    <button
      type="button"
      className={ICON_BUTTON}
      onClick={() => theme.set(NEXT_THEME[chosen])}
      aria-label={`Theme is ${chosen}; change to ${NEXT_THEME[chosen]}`}
    >
      <Icon size={17} aria-hidden />
    </button>
  );
}

function TokenMark() {
  const known = useStore(token) !== null;
  return (
    <button
      type="button"
      className={`${ICON_BUTTON} ${known ? "" : "text-muted"}`}
      onClick={() => askForToken(() => undefined)}
      aria-label={known ? "Writing is unlocked; change the token" : "Read only; give the token"}
    >
      <KeyRound size={16} aria-hidden />
      <span className="hidden sm:inline">{known ? "can write" : "read only"}</span>
    </button>
  );
}
