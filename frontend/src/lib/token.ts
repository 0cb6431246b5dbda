/** The write token: it comes in the link's fragment, and stays in this tab. */

import { createStore } from "./store";

const KEY = "burnline.token";

export const token = createStore<string | null>(sessionStorage.getItem(KEY), (value) => {
  if (value === null) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, value);
});

/** Forget the token that the server has refused, unless another one is known by now. */
export function forgetRefused(authorization: string | null): void {
  if (authorization === `Bearer ${token.get() ?? ""}`) token.set(null);
}

/** Take the token out of the address, so that neither history nor a copied link holds it. */
export function takeTokenFromAddress(): void {
  const given = new URLSearchParams(location.hash.slice(1));
  const found = given.get("token");
  if (found === null) return;
  token.set(found);
  given.delete("token");
  const rest = given.toString();
  history.replaceState(
    history.state,
    "",
    location.pathname + location.search + (rest ? `#${rest}` : ""),
  );
}
