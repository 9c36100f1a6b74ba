import { expect, test } from "vitest";
import { writtenCall } from "./written-calls.ts";

const url = "http://127.0.0.1:3001";
const runId = "01890a5d-ac96-774b-bcce-b302099a8057";

test("what a person wrote stays one word of the shell, whatever it holds", () => {
  const { curl, cli } = writtenCall({ kind: "message", runId, message: `it's "$HOME"; rm -rf /` }, url);
  expect(cli).toBe(`npx hsafa send ${runId} 'it'\\''s "$HOME"; rm -rf /'`);
  expect(curl).toContain(`-d '{"message":"it'\\''s \\"$HOME\\"; rm -rf /"}'`);
  expect(curl).toContain("Bearer $HSAFA_API_KEY");
});

test("a decision bears the digest of what was shown", () => {
  const call = { kind: "approve", runId, callId: "c", approved: true, digest: "d1" } as const;
  expect(writtenCall(call, url)).toMatchObject({
    sdk: `await client.runs.approve("${runId}", {"callId":"c","approved":true,"digest":"d1"});`,
    cli: `npx hsafa approve ${runId} c`,
  });
  expect(writtenCall({ ...call, approved: false }, url).cli).toBe(`npx hsafa deny ${runId} c`);
});
