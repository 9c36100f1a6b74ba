import { connect, type Socket } from "node:net";

/** A connection on which a test writes bytes as it likes. */
export interface RawHttp {
  readonly socket: Socket;
  /** What came in, as text of one byte a character. */
  received(): string;
  isClosed(): boolean;
}

export async function openRawHttp(url: string): Promise<RawHttp> {
  const { port } = new URL(url);
  const socket = connect(Number(port), "127.0.0.1");
  const chunks: string[] = [];
  let isClosed = false;
  socket.on("data", (chunk) => chunks.push(chunk.toString("latin1")));
  // A connection that is cut fails whatever is being written. The test looks at `isClosed`.
  socket.on("error", () => {});
  socket.on("close", () => {
    isClosed = true;
  });
  await new Promise<void>((resolve) => socket.once("connect", resolve));
  return { socket, received: () => chunks.join(""), isClosed: () => isClosed };
}
