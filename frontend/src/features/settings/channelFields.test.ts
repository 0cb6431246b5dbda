import { expect, test } from "vitest";

import { channelChangeOf, newChannelOf, type ChannelFields } from "./channelFields";

const form: ChannelFields = {
  name: " on-call ",
  kind: "webhook",
  url: " https://alerts.example.com/hook ",
  routing_key: "left from another kind",
  signing_secret: "",
  actor: "ana ",
};

test("a channel gets what its kind needs, and nothing else", () => {
  expect(newChannelOf(form)).toEqual({
    name: "on-call",
    kind: "webhook",
    secrets: { url: "https://alerts.example.com/hook" },
    actor: "ana",
  });
  expect(newChannelOf({ ...form, kind: "pagerduty", url: "" }).secrets).toEqual({
    routing_key: "left from another kind",
  });
});

test("secrets that are not typed again stay", () => {
  expect(channelChangeOf({ ...form, url: "" })).toEqual({ actor: "ana" });
  expect(channelChangeOf(form)).toEqual({
    actor: "ana",
    secrets: { url: "https://alerts.example.com/hook" },
  });
});
