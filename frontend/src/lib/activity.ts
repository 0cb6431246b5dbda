/** When the reader last did something; what can wait lets a person who types or clicks go first. */

let last = -Infinity;

for (const type of ["keydown", "pointerdown"]) {
  window.addEventListener(type, () => (last = performance.now()), { capture: true, passive: true });
}

export function millisecondsSinceInput(): number {
  return performance.now() - last;
}
