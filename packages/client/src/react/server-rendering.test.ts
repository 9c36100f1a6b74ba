import { createElement, StrictMode } from "react";
import { renderToString } from "react-dom/server";
import { expect, test, vi } from "vitest";
import { HsafaProvider, useDevice, useRun, useThread } from "./index.ts";

function Page() {
  const thread = useThread("inbox", { agent: "support" });
  const run = useRun("019b76da-0000-7000-8000-000000000001");
  const device = useDevice({ tools: { read: { inputSchema: {}, execute: () => "never" } } });
  return createElement("p", null, JSON.stringify([thread.messages, thread.isLoaded, run.view.status, device.state]));
}

test("on a server the page is what it is before anything was heard, and nothing is opened", () => {
  const fetch = vi.fn<typeof globalThis.fetch>();
  const token = vi.fn<() => string>(() => "token");
  const provider = createElement(HsafaProvider, { url: "http://g", token, fetch }, createElement(Page));
  const html = renderToString(createElement(StrictMode, null, provider));
  expect(html.replaceAll("&quot;", '"')).toBe('<p>[[],false,"queued",null]</p>');
  expect([fetch.mock.calls.length, token.mock.calls.length]).toEqual([0, 0]);
});

test("a hook without a provider says what is missing", () => {
  expect(() => renderToString(createElement(Page))).toThrow("<HsafaProvider>");
});
