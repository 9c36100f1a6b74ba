import type { ForkRunBody, StartRunBody } from "@hsafa/protocol";

/** A call of the API as a person can repeat it elsewhere. The key is never among it. */
export interface WrittenCall {
  readonly curl: string;
  readonly sdk: string;
  readonly cli: string;
}

/** What of the API is called. */
export type ApiCall =
  | { readonly kind: "watch"; readonly runId: string }
  | { readonly kind: "cancel"; readonly runId: string; readonly reason: string }
  | { readonly kind: "message"; readonly runId: string; readonly message: string }
  | {
      readonly kind: "approve";
      readonly runId: string;
      readonly callId: string;
      readonly approved: boolean;
      readonly digest: string | null;
    }
  | { readonly kind: "answer"; readonly runId: string; readonly callId: string; readonly result: string }
  | {
      readonly kind: "fork";
      readonly runId: string;
      readonly body: Pick<ForkRunBody, "position" | "versionId" | "rerun"> & { readonly input?: string };
    }
  | { readonly kind: "start"; readonly body: StartRunBody }
  | { readonly kind: "promote"; readonly agent: string; readonly versionId: string; readonly version: string };

/** Writes a call for curl, for the SDK and for the command line. */
export function writtenCall(call: ApiCall, gatewayUrl: string): WrittenCall {
  const posted = (path: string, body: string): string =>
    [
      `curl -X POST ${gatewayUrl}/api/${path}`,
      `-H "Authorization: Bearer $HSAFA_API_KEY"`,
      `-H "Content-Type: application/json"`,
      `-d ${quoted(body)}`,
    ].join(" \\\n  ");
  if (call.kind === "promote") {
    const { agent, versionId, version } = call;
    return {
      curl: posted(`agents/${encodeURIComponent(agent)}/promote`, JSON.stringify({ versionId })),
      sdk: `await client.agents.promote(${JSON.stringify(agent)}, ${JSON.stringify(versionId)});`,
      cli: `npx hsafa promote ${quoted(agent)} ${quoted(version)}`,
    };
  }
  if (call.kind === "start") {
    const curl = posted("runs", JSON.stringify(call.body));
    // The command has no tools of a run's own, so it sends what curl sends.
    return { curl, sdk: `await client.runs.start(${JSON.stringify(call.body)});`, cli: curl };
  }
  const { runId } = call;
  const post = (path: string, body: object): string => posted(`runs/${runId}/${path}`, JSON.stringify(body));
  switch (call.kind) {
    case "watch":
      return {
        curl: `curl -N ${gatewayUrl}/api/runs/${runId}/stream \\\n  -H "Authorization: Bearer $HSAFA_API_KEY"`,
        sdk: `for await (const event of client.runs.stream(${JSON.stringify(runId)})) console.log(event);`,
        cli: `npx hsafa watch ${runId}`,
      };
    case "cancel": {
      const body = call.reason === "" ? {} : { reason: call.reason };
      const given = call.reason === "" ? "" : `, ${JSON.stringify(body)}`;
      return {
        curl: post("cancel", body),
        sdk: `await client.runs.cancel(${JSON.stringify(runId)}${given});`,
        cli: `npx hsafa cancel ${runId}${call.reason === "" ? "" : ` --reason ${quoted(call.reason)}`}`,
      };
    }
    case "message":
      return {
        curl: post("messages", { message: call.message }),
        sdk: `await client.runs.send(${JSON.stringify(runId)}, ${JSON.stringify(call.message)});`,
        cli: `npx hsafa send ${runId} ${quoted(call.message)}`,
      };
    case "approve": {
      const { callId, approved, digest } = call;
      const body = { callId, approved, ...(digest === null ? {} : { digest }) };
      return {
        curl: post("approvals", body),
        sdk: `await client.runs.approve(${JSON.stringify(runId)}, ${JSON.stringify(body)});`,
        cli: `npx hsafa ${approved ? "approve" : "deny"} ${runId} ${callId}`,
      };
    }
    case "answer": {
      const { callId, result } = call;
      return {
        curl: posted(`runs/${runId}/tool-results`, `{"callId":${JSON.stringify(callId)},"result":${result}}`),
        sdk: `await client.runs.submitToolResult(${JSON.stringify(runId)}, { callId: ${JSON.stringify(callId)}, result: ${result} });`,
        cli: `npx hsafa answer ${runId} ${callId} ${quoted(result)}`,
      };
    }
    case "fork": {
      const { position, input, versionId, rerun } = call.body;
      const words = [
        `npx hsafa fork ${runId} ${position}`,
        ...(input === undefined ? [] : [quoted(input)]),
        ...(versionId === undefined ? [] : [`--agent-version ${versionId}`]),
        ...(rerun === undefined ? [] : [`--rerun ${rerun.join(",")}`]),
      ];
      return {
        curl: post("fork", call.body),
        sdk: `await client.runs.fork(${JSON.stringify(runId)}, ${JSON.stringify(call.body)});`,
        cli: words.join(" "),
      };
    }
    default:
      return call satisfies never;
  }
}

/** A text as one word of a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
