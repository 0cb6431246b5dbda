import { useEffect, useRef } from "react";
import { useSearchParams, type NavigateOptions } from "react-router-dom";

type Edit = (change: (now: URLSearchParams) => URLSearchParams, options?: NavigateOptions) => void;

/**
 * The parameters of the address, and how to change them. A change stands on those before it, also
 * on one that is not drawn yet: the router's own begins from what is drawn and takes it back.
 */
export function useAddress(): [URLSearchParams, Edit] {
  const [search, setSearch] = useSearchParams();
  const newest = useRef(search);
  useEffect(() => {
    newest.current = search;
  }, [search]);
  const edit: Edit = (change, options) => {
    newest.current = change(newest.current);
    setSearch(newest.current, options);
  };
  return [search, edit];
}

/** The same parameters with one of them set; null takes it out. */
export function withParameter(
  now: URLSearchParams,
  name: string,
  value: string | null,
): URLSearchParams {
  const next = new URLSearchParams(now);
  if (value === null) next.delete(name);
  else next.set(name, value);
  return next;
}
