import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** What a provider sends for one model: to the first request, and to every later one. */
export interface OddAnswer {
  readonly status: number;
  readonly bytes: Uint8Array;
  /** The same again if left out. */
  readonly later?: Uint8Array;
}

/** A provider that sends, for each model, the bytes that were set for it. It serves as a tool's service too. */
export async function startOddProvider() {
  const answers = new Map<string, OddAnswer>();
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const text = Buffer.concat(parts).toString();
      const model = /"model":"([^"]*)"/.exec(text)?.[1] ?? request.url ?? "";
      const answer = answers.get(model);
      response.writeHead(answer?.status ?? 200, { "content-type": "text/event-stream" });
      response.end(answer?.bytes ?? "{}");
      if (answer?.later !== undefined) answers.set(model, { status: 200, bytes: answer.later });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answer: (model: string, answer: OddAnswer) => answers.set(model, answer),
    forget: (model: string) => answers.delete(model),
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
