import { expect, test } from "vitest";

import { eventsOf } from "./eventStream";

function body(...chunks: string[]): ReadableStream<Uint8Array<ArrayBuffer>> {
  const bytes = new TextEncoder();
  return new ReadableStream({
    start: (controller) => {
      for (const chunk of chunks) controller.enqueue(bytes.encode(chunk));
      controller.close();
    },
  });
}

async function all(...chunks: string[]) {
  const found = [];
  for await (const event of eventsOf(body(...chunks))) found.push(event);
  return found;
}

test("events come whole, however the network cuts them", async () => {
  const text = "event: changed\nid: slo.burnrates.v1-2-42\ndata: {}\n\nevent: alive\ndata: 1\n\n";
  const whole = [
    { event: "changed", id: "slo.burnrates.v1-2-42", data: "{}" },
    { event: "alive", data: "1" },
  ];
  expect(await all(text)).toEqual(whole);
  expect(await all(...text.split(/(?:)/u))).toEqual(whole);
});

test("comments say nothing, data over lines is joined, and an unfinished event is dropped", async () => {
  expect(await all(": ping\n\n", "data: a\r\ndata:b\r\n\r\n", "data: cut")).toEqual([
    { data: "a\nb" },
  ]);
});
