import { expect, test } from "vitest";

import {
  channelChangeOf,
  newChannelOf,
  ofKind,
  sentenceOf,
  type ChannelFields,
} from "./channelFields";

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

test("what was typed for one kind is not sent to another", () => {
  expect(newChannelOf(ofKind(form, "slack"))).toMatchObject({ kind: "slack", secrets: {} });
  expect(ofKind(form, "slack")).toMatchObject({ name: form.name, actor: form.actor });
});

test.each([
  [
    form,
    true,
    "Rules that name on-call send what fires to alerts.example.com, in the format of webhook.",
  ],
  [
    { ...form, url: "" },
    false,
    "Rules that name on-call send what fires where it goes now, in the format of webhook.",
  ],
  [
    { ...form, url: "alerts" },
    true,
    "Rules that name on-call send what fires to webhook, in the format of webhook.",
  ],
  [{ ...form, kind: "simulated" }, true, "What on-call is sent is stored and shown here only."],
] as const)("a channel says what it will do", (typed, isNew, sentence) =>
  expect(sentenceOf(typed, isNew)).toBe(sentence),
);
