import { beforeEach, expect, test, vi } from "vitest";

beforeEach(() => {
  sessionStorage.clear();
  localStorage.clear(); // the tests of other files share the document
  vi.resetModules();
});

test("the token leaves the address at once and stays in this tab", async () => {
  history.replaceState(null, "", "/services/cart?range=7+d#token=secret");
  const { takeTokenFromAddress, token } = await import("./token");
  takeTokenFromAddress();
  expect(location.href).not.toContain("secret");
  expect(location.pathname + location.search + location.hash).toBe("/services/cart?range=7+d");
  expect(token.get()).toBe("secret");
  expect(sessionStorage.getItem("burnline.token")).toBe("secret");
  expect(localStorage.length).toBe(0);
});

test("an address without a token changes nothing", async () => {
  sessionStorage.setItem("burnline.token", "kept");
  history.replaceState(null, "", "/#part");
  const { takeTokenFromAddress, token } = await import("./token");
  takeTokenFromAddress();
  expect(token.get()).toBe("kept");
  expect(location.hash).toBe("#part");
});

test("a token that the server refuses is forgotten, one that was given meanwhile is not", async () => {
  const { forgetRefused, token } = await import("./token");
  token.set("new");
  forgetRefused("Bearer old");
  forgetRefused(null);
  expect(token.get()).toBe("new");
  forgetRefused("Bearer new");
  expect(token.get()).toBeNull();
});
