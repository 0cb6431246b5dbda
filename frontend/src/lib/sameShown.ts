/** Whether two sets of properties would be drawn alike. Pure. */

/** For `memo`: data that were read again are other objects, most of them with the same content. */
export function sameShown<Props extends object>(before: Props, after: Props): boolean {
  const names = Object.keys(after) as (keyof Props)[];
  return names.every((name) => {
    const [old, fresh] = [before[name], after[name]];
    if (Object.is(old, fresh)) return true;
    // a handler is made anew at each rendering; the data beside it say what it does
    if (typeof fresh === "function") return typeof old === "function";
    return typeof fresh === "object" && JSON.stringify(old) === JSON.stringify(fresh);
  });
}
