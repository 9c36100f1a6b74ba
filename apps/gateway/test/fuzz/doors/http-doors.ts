import fc from "fast-check";
import type { JsonValue } from "@hsafa/protocol";
import { askHttp, type FuzzRequest } from "../ask-http.ts";
import { type Door, door, fine } from "../door.ts";
import type { FuzzTarget } from "../fuzz-target.ts";
import { PDF, PNG, WAV } from "../../support/sample-files.ts";
import { mutated, mutatedText, oddTexts } from "../odd-values.ts";
import { schemaValues, type ValueSchema } from "../schema-values.ts";

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, ValueSchema>>;
  readonly body: ValueSchema | null;
}

interface Document {
  readonly paths: Readonly<
    Record<
      string,
      Readonly<
        Record<
          string,
          {
            readonly parameters?: readonly { name: string; in: string; schema: ValueSchema }[];
            readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: ValueSchema }>> };
          }
        >
      >
    >
  >;
}

async function readOperations(target: FuzzTarget): Promise<Operation[]> {
  const { paths } = await target.call<Document>("GET", "/openapi.json");
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [], requestBody }]) => {
      const query = parameters.filter((one) => one.in === "query").map(({ name, schema }) => [name, schema] as const);
      const body = requestBody?.content["application/json"]?.schema ?? null;
      return { method: method.toUpperCase(), path, query: Object.fromEntries(query), body };
    }),
  );
}

/** Paths of an operation with its names filled in: mostly by what is there. */
function pathsOf({ path }: Operation, target: FuzzTarget): fc.Arbitrary<string> {
  const names = [...path.matchAll(/\{(\w+)\}/g)].length;
  const { run, thread, agent, version, key } = target.ids;
  const fitting = path.includes("/versions/")
    ? [agent, version]
    : [path.includes("/threads/") ? thread : path.includes("/agents/") ? agent : path.includes("/keys/") ? key : run];
  const values = fc.array(fc.oneof({ weight: 1, arbitrary: oddTexts }, { weight: 9, arbitrary: fc.constant(null) }), {
    minLength: names,
    maxLength: names,
  });
  return values.map((odd) => {
    let index = 0;
    return path.replaceAll(/\{\w+\}/g, () => {
      const value = odd[index] ?? fitting[Math.min(index, fitting.length - 1)] ?? run;
      index += 1;
      return encodeURIComponent(value.toWellFormed()).slice(0, 3000);
    });
  });
}

const json = { "content-type": "application/json" };

/** A door of requests: the operations that it takes, and what it makes of each. */
function httpDoor(params: {
  readonly name: string;
  readonly share: number;
  readonly takes: (operation: Operation) => boolean;
  readonly requests: (operation: Operation, target: FuzzTarget) => fc.Arbitrary<FuzzRequest>;
}): Door {
  return door({
    ...params,
    atOnce: 16,
    async open(target) {
      const { ask, close } = askHttp(target);
      const operations = (await readOperations(target)).filter(params.takes);
      return {
        inputs: fc.oneof(...operations.map((operation) => params.requests(operation, target))),
        play: ask,
        close: async () => close(),
      };
    },
  });
}

/** `1e400` and its kin cannot be values, so they are put into the text. */
const withOddNumbers = (texts: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(
      texts,
      fc.oneof(
        { weight: 5, arbitrary: fc.constant(null) },
        fc.constantFrom("1e400", "-1e400", "9007199254740993", "0.12345678901234567890"),
      ),
    )
    .map(([text, number]) => (number === null ? text : text.replace(/(?<=[:[,])-?\d[\d.e+-]*/, number)));

export const BODY_DOOR = httpDoor({
  name: "bodies by schema",
  share: 21,
  takes: ({ body }) => body !== null,
  requests: (operation, target) => {
    const values = mutated(schemaValues(operation.body ?? {}, target.known));
    const texts = withOddNumbers(values.map((value) => JSON.stringify(value)));
    return fc
      .tuple(pathsOf(operation, target), texts)
      .map(([path, body]) => ({ method: operation.method, path, body, headers: json }));
  },
});

export const RAW_BODY_DOOR = httpDoor({
  name: "bodies as bytes",
  share: 10,
  takes: ({ body }) => body !== null,
  requests: (operation, target) => {
    const valid = schemaValues(operation.body ?? {}, target.known).map((value: JsonValue) => JSON.stringify(value));
    const bodies: fc.Arbitrary<string | Uint8Array> = fc.oneof(
      { weight: 3, arbitrary: mutatedText(valid) },
      { weight: 1, arbitrary: oddTexts },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }) },
    );
    const types = fc.constantFrom(
      "application/json",
      "application/json; charset=utf-8",
      "application/json; charset=utf-16",
      "application/problem+json",
      "text/plain",
      "application/x-www-form-urlencoded",
      ";",
      "",
    );
    return fc.tuple(pathsOf(operation, target), bodies, types).map(([path, body, type]) => ({
      method: operation.method,
      path,
      body,
      headers: { "content-type": type },
    }));
  },
});

/** Files of every kind, mostly under a type that they are not of. */
export const FILE_DOOR = httpDoor({
  name: "files",
  share: 4,
  takes: ({ method, path }) => method === "POST" && path === "/api/files",
  requests: () => {
    const samples = fc.constantFrom(PNG, PDF, WAV);
    const bodies: fc.Arbitrary<string | Uint8Array> = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.tuple(samples, fc.nat(80)).map(([bytes, length]) => bytes.subarray(0, length)),
      fc.tuple(samples, fc.uint8Array({ maxLength: 300 })).map(([bytes, more]) => Buffer.concat([bytes, more])),
      oddTexts,
    );
    const types = fc.constantFrom(
      "image/png",
      "application/pdf",
      "audio/wav",
      "text/plain; charset=utf-8",
      "application/octet-stream",
      "multipart/form-data; boundary=x",
      "image/*",
      ";",
      "",
    );
    const names = fc.oneof(fc.constant("a.png"), oddTexts);
    return fc.tuple(bodies, types, names).map(([body, type, name]) => ({
      method: "POST",
      path: `/api/files?filename=${encodeURIComponent(name.toWellFormed()).slice(0, 2000)}`,
      body,
      headers: { "content-type": type },
    }));
  },
});

const queryValues = (schema: ValueSchema, target: FuzzTarget): fc.Arbitrary<string> =>
  fc.oneof(
    {
      weight: 3,
      arbitrary: schemaValues(schema, target.known).map((value) =>
        typeof value === "object" ? JSON.stringify(value) : String(value),
      ),
    },
    { weight: 1, arbitrary: oddTexts },
  );

export const QUERY_DOOR = httpDoor({
  name: "queries",
  share: 12,
  takes: ({ method, query }) => method === "GET" && Object.keys(query).length > 0,
  requests: (operation, target) => {
    const names = fc.constantFrom(...Object.keys(operation.query), "odd", "__proto__", "limit");
    const pairs = names.chain((name) =>
      fc.tuple(fc.constant(name), queryValues(operation.query[name] ?? { type: "string" }, target)),
    );
    const texts = fc
      .array(pairs, { maxLength: 4 })
      .map((list) =>
        list.map(([name, value]) => `${name}=${encodeURIComponent(value.toWellFormed()).slice(0, 2000)}`).join("&"),
      );
    return fc
      .tuple(pathsOf(operation, target), mutatedText(texts))
      .map(([path, text]) => ({ method: "GET", path: `${path}?${text.replaceAll(/[^\x21-\x7e]/g, "%")}` }));
  },
});

/** Characters that Node lets into a header. */
const headerText = (text: string): string => text.replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, "").slice(0, 4000);

export const HEADER_DOOR = httpDoor({
  name: "headers",
  share: 10,
  takes: ({ path }) => path.startsWith("/api/"),
  requests: (operation, target) => {
    const names = fc.constantFrom(
      "authorization",
      "cookie",
      "idempotency-key",
      "last-event-id",
      "accept",
      "origin",
      "x-forwarded-for",
      "x-forwarded-proto",
      "x-request-id",
      "access-control-request-method",
      "content-encoding",
      "if-none-match",
      "range",
      "forwarded",
    );
    const values = fc.oneof(
      oddTexts,
      mutatedText(
        fc.constantFrom(`Bearer ${target.key}`, "hsafa_token=a.b.c", "7-2", "text/event-stream", "https://app.example"),
      ),
    );
    const body = schemaValues(operation.body ?? {}, target.known).map((value) => JSON.stringify(value));
    return fc
      .tuple(pathsOf(operation, target), fc.dictionary(names, values.map(headerText), { maxKeys: 4 }), body)
      .map(([path, headers, text]) => ({
        method: operation.method,
        path,
        headers: operation.body === null ? headers : { ...json, ...headers },
        ...(operation.body === null ? {} : { body: text }),
      }));
  },
});

/** Positions of a run that has ended, and of one that goes on: right ones, and all that looks like them. */
const positions = mutatedText(
  fc.oneof(
    fc.tuple(fc.nat({ max: 40 }), fc.nat({ max: 10 })).map(([seq, sub]) => `${seq}-${sub}`),
    fc.tuple(fc.nat(), fc.nat(), fc.stringMatching(/^[0-9a-f]{8}$/)).map(([seq, sub, tag]) => `${seq}-${sub}.${tag}`),
    fc.bigInt({ min: 0n, max: 10n ** 30n }).map((seq) => `${seq}-0`),
  ),
);

export const POSITION_DOOR = httpDoor({
  name: "positions",
  share: 10,
  takes: ({ path }) => /\/(events|stream)$/.test(path),
  requests: ({ path }, { ids }) =>
    fc
      .tuple(positions, positions, fc.constantFrom(ids.ended, ids.run), fc.nat({ max: 3 }))
      .map(([one, other, run, how]) => {
        const at = path.replace("{id}", run);
        const query = (name: string, value: string): string => `${name}=${encodeURIComponent(value.toWellFormed())}`;
        const header = headerText(one);
        switch (how) {
          case 0:
            return { method: "GET", path: at, headers: { "last-event-id": header } };
          case 1:
            return { method: "GET", path: `${at}?${query("after", one)}` };
          case 2:
            return {
              method: "GET",
              path: `${at}?${query("after", one)}`,
              headers: { "last-event-id": headerText(other) },
            };
          default:
            return { method: "GET", path: `${at}?${query("cursor", one)}&limit=2` };
        }
      }),
});

export const CURSOR_DOOR: Door = door<FuzzRequest>({
  name: "cursors",
  share: 7,
  atOnce: 16,
  async open(target) {
    const { ask, close } = askHttp(target);
    const lists = (await readOperations(target)).filter(({ query }) => "cursor" in query);
    const page = await target.call<{ nextCursor: string | null }>("GET", "/api/runs?limit=1");
    const given = page.nextCursor ?? "none";
    const flipped = fc.tuple(fc.nat(), fc.nat({ max: 255 })).map(([place, byte]) => {
      const bytes = Buffer.from(given, "base64url");
      bytes[place % bytes.length] = byte;
      return bytes.toString("base64url");
    });
    const cursors = fc.oneof(flipped, mutatedText(fc.constant(given)), oddTexts);
    const inputs = fc.oneof(
      ...lists.map((operation) =>
        fc.tuple(pathsOf(operation, target), cursors).map(([path, cursor]) => ({
          method: "GET",
          path: `${path}?cursor=${encodeURIComponent(cursor.toWellFormed()).slice(0, 4000)}`,
        })),
      ),
    );
    return { inputs, play: ask, close: async () => close() };
  },
});

export const RAW_HTTP_DOOR: Door = door<string>({
  name: "bytes of HTTP",
  share: 3,
  atOnce: 16,
  async open(target) {
    const { connect } = await import("node:net");
    const { hostname, port } = new URL(target.url);
    const head = `Host: ${hostname}:${port}\r\nAuthorization: Bearer ${target.key}\r\n`;
    const whole = fc.constantFrom(
      `GET /api/runs HTTP/1.1\r\n${head}\r\n`,
      `POST /api/runs HTTP/1.1\r\n${head}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`,
      `POST /api/runs HTTP/1.1\r\n${head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
      `GET /api/watch HTTP/1.1\r\n${head}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
      `OPTIONS * HTTP/1.1\r\n${head}\r\n`,
    );
    return {
      inputs: mutatedText(whole),
      play: (input) =>
        new Promise((resolve) => {
          const socket = connect(Number(port), hostname);
          let received = "";
          const done = (): void => {
            const status = /^HTTP\/1\.1 (\d{3})/.exec(received)?.[1] ?? "none";
            const fault = target.ended() ?? (status.startsWith("5") ? `it answered ${status}` : null);
            resolve({ ...fine(status), fault });
            socket.destroy();
          };
          socket.setTimeout(150, done);
          socket.on("error", done);
          socket.on("close", done);
          socket.on("data", (chunk: Buffer) => {
            received += chunk.toString("latin1");
            if (received.includes("\r\n")) done();
          });
          socket.on("connect", () => socket.write(input, "latin1"));
        }),
    };
  },
});
