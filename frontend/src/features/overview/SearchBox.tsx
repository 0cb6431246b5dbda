import { Search } from "lucide-react";
import { forwardRef, useEffect, useRef, useState } from "react";

interface Props {
  /** What stands in the address. */
  search: string;
  className: string;
  onSearch: (text: string) => void;
}

/** Who types on finds nothing useful in between, and waits for each key. */
const PAUSE_MILLISECONDS = 150;

export const SearchBox = forwardRef<HTMLInputElement, Props>(function SearchBox(props, box) {
  const { search, onSearch } = props;
  const pause = useRef<ReturnType<typeof setTimeout>>();
  const latest = useRef(onSearch);
  useEffect(() => {
    latest.current = onSearch;
  });
  useEffect(() => () => clearTimeout(pause.current), []);
  // the list and the address follow when the keys pause: they must not take back what is typed
  const [typed, setTyped] = useState(search);
  const [shown, setShown] = useState(search);
  if (shown !== search) {
    setShown(search);
    if (document.activeElement?.getAttribute("type") !== "search") setTyped(search);
  }
  const type = (text: string) => {
    setTyped(text);
    clearTimeout(pause.current);
    pause.current = setTimeout(() => latest.current(text), PAUSE_MILLISECONDS);
  };
  return (
    <div className="relative min-w-40 flex-1 sm:max-w-72">
      <Search size={15} aria-hidden className="absolute top-2.5 left-2.5 text-muted" />
      <input
        ref={box}
        type="search"
        aria-label="Search services and owners"
        placeholder="Search  ( / )"
        value={typed}
        onChange={(event) => type(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          event.preventDefault(); // the browser would empty it; what is found stays
          event.currentTarget.blur();
        }}
        className={`${props.className} w-full pl-8`}
      />
    </div>
  );
});
