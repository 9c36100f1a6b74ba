/**
 * The layer table of the architecture as a function: it takes sources and returns the rules that they break. The test
 * beside it feeds it this repository. Rules about names, bounds and cycles stand in `architecture-*.ts`.
 */
import { dirname, join } from "node:path/posix";
import { Visitor } from "oxc-parser";
import { COMPUTED, importsOf, isTest, parse, type Source } from "./architecture-source.ts";

type Layer =
  | {
      kind:
        | "protocol"
        | "schema"
        | "client"
        | "core"
        | "ports"
        | "runtime"
        | "access"
        | "control"
        | "follow"
        | "devices";
    }
  | { kind: "engine" | "edge" | "assemble" | "wiring" | "config" | "cli" | "create" | "conformance" | "console" }
  | { kind: "adapter"; vendor: string };

/** What a source imports: a layer of this repository, or a package (`node:…` included) by its name. */
type Imported = { kind: "layer"; layer: Layer; path: string } | { kind: "package"; name: string };

/** The packages an adapter stands for. An adapter that is not listed may use any package but these. */
const packagesOfVendor: Record<string, RegExp> = {
  postgres: /^(@prisma\/|@electric-sql\/|pglite-prisma-adapter$|pg$)/,
  redis: /^@redis\/client$/,
  outbound: /^undici$/,
  "ai-sdk": /^(ai|@ai-sdk\/.*)$/,
  s3: /^aws4fetch$/,
  "file-type": /^file-type$/,
  mcp: /^@modelcontextprotocol\//,
  memory: /^(?!)/,
};

/** Where modules are loaded that are the user's, wherever they lie, and the command by what its manifest says. */
const computedImports = new Set(["apps/cli/src/user-module.ts", "packages/create-hsafa/bin/create-hsafa.js"]);

/** The one file that prints, for people and programs. */
const terminalFile = "apps/cli/src/terminal.ts";

/** R1: `core` may not touch these, because a result would then differ from one call to the next. */
const impureCalls = /^(setTimeout|setInterval|setImmediate|queueMicrotask|fetch|Date)$/;
const impureObjects = /^(process|globalThis|performance|crypto|console)$/;

/** The one file of core that hashes. */
const hashFile = "apps/gateway/src/core/canonical-json.ts";

/** The one file that numbers the parameters of SQL. */
const statementTemplate = "apps/gateway/src/adapters/postgres/statement.ts";

/** The files that know concrete adapters, and the bounds of the process. */
const wiringFiles = new Set([
  "gateway.ts",
  "main.ts",
  "open-log.ts",
  "open-ports.ts",
  "serve-gateway.ts",
  "keys.ts",
  "data-folder.ts",
  "readiness.ts",
  "stop-request.ts",
  "refuse-second-gateway.ts",
  "release-start-memory.ts",
  "examine-services.ts",
  "secrets-of-settings.ts",
  "supervise-workers.ts",
  "worker-link.ts",
  "limits.ts",
]);

/**
 * The rules of core that adapters may call: each would otherwise be written again in an adapter. What a run does next
 * is no business of an adapter.
 */
const sharedRules = new Set(
  [
    "backoff.ts",
    "failure-message.ts",
    "first-facts.ts",
    "granted-limits.ts",
    "is-credential-name.ts",
    "is-text-type.ts",
    "leaves-messages.ts",
    "plan-start.ts",
    "told-parent.ts",
    "recipient.ts",
    "redact-secrets.ts",
    "repair-request.ts",
    "tenant-id.ts",
  ].map((name) => `apps/gateway/src/core/${name}`),
);

export function brokenRules(sources: readonly Source[]): string[] {
  return sources
    .filter(({ path }) => !isTest(path))
    .flatMap((source) => [
      ...importFaults(source),
      ...environmentFaults(source),
      ...purityFaults(source),
      ...sqlFaults(source),
      ...outputFaults(source),
    ]);
}

function layerOf(path: string): Layer | undefined {
  if (path.startsWith("packages/protocol/src/schema/")) return { kind: "schema" };
  if (path.startsWith("packages/protocol/src/")) return { kind: "protocol" };
  if (path.startsWith("packages/client/src/")) return { kind: "client" };
  if (/^packages\/conformance\/(src|cases)\//.test(path)) return { kind: "conformance" };
  if (path.startsWith("packages/create-hsafa/bin/")) return { kind: "create" };
  if (/^apps\/cli\/(src|bin)\//.test(path)) return { kind: "cli" };
  if (path.startsWith("apps/console/src/")) return { kind: "console" };
  const inGateway = /^apps\/gateway\/src\/(.+)$/.exec(path)?.[1];
  if (inGateway === undefined) return undefined;
  if (wiringFiles.has(inGateway)) return { kind: "wiring" };
  if (inGateway === "assemble.ts") return { kind: "assemble" };
  const isConfig = [
    "config.ts",
    "settings-table.ts",
    "secret-bits.ts",
    "secret-variables.ts",
    "is-target-entry.ts",
  ].includes(inGateway);
  if (isConfig) return { kind: "config" };
  const [folder = "", vendor = ""] = inGateway.split("/");
  switch (folder) {
    case "core":
    case "ports":
    case "runtime":
    case "access":
    case "control":
    case "follow":
    case "devices":
    case "engine":
    case "edge":
      return { kind: folder };
    case "adapters":
      return { kind: "adapter", vendor };
    default:
      return undefined;
  }
}

function importFaults(source: Source): string[] {
  const layer = layerOf(source.path);
  if (layer === undefined) return [`${source.path}: lies in no layer of the architecture's table`];
  return importsOf(source).flatMap(({ specifier, typesOnly }) => {
    if (specifier === COMPUTED && computedImports.has(source.path)) return [];
    const imported = resolve(source.path, specifier);
    if (imported === undefined) return [`${source.path}: imports '${specifier}', which lies in no layer`];
    const reason = refusal(source.path, layer, imported, typesOnly);
    return reason === undefined ? [] : [`${source.path}: imports '${specifier}', but ${reason}`];
  });
}

function resolve(importer: string, specifier: string): Imported | undefined {
  if (!specifier.startsWith(".")) {
    const name = /^(@[^/]+\/[^/]+|[^/]+)/.exec(specifier)?.[0] ?? specifier;
    return { kind: "package", name };
  }
  const path = join(dirname(importer), specifier);
  // A package reads its own name and version from its manifest.
  if (path.endsWith("/package.json")) return { kind: "package", name: "package.json" };
  // A file of styles, which the build takes along.
  if (path.endsWith(".css")) return { kind: "package", name: path };
  const layer = layerOf(path);
  return layer === undefined ? undefined : { kind: "layer", layer, path };
}

/** Returns why the import is refused, or undefined if it is allowed. Each layer has one row of the table. */
function refusal(importer: string, layer: Layer, imported: Imported, typesOnly: boolean): string | undefined {
  const isPackage = (...names: string[]): boolean => imported.kind === "package" && names.includes(imported.name);
  const isNode = imported.kind === "package" && imported.name.startsWith("node:");
  const isFastifyPlugin = imported.kind === "package" && imported.name.startsWith("@fastify/");
  const isOwnWorkspaceFile = imported.kind === "layer" && workspaceOf(imported.path) === workspaceOf(importer);
  const isLayer = (...kinds: Layer["kind"][]): boolean => isOwnWorkspaceFile && kinds.includes(imported.layer.kind);
  // R9: every layer names its bounds in a file of its own. The bounds of core and ports are for all layers.
  const isLimits = imported.kind === "layer" && /^apps\/gateway\/src\/(core|ports)\/limits\.ts$/.test(imported.path);
  // Rules that adapters obey too, so that none stands twice.
  const isSharedRule = imported.kind === "layer" && sharedRules.has(imported.path);
  const isProtocol = isPackage("@hsafa/protocol");
  // What crosses a boundary as JSON (a token's claims, a script, a body) is parsed by the protocol's own schema
  // library.
  const isZod = isPackage("zod");

  switch (layer.kind) {
    case "protocol":
      return isLayer("protocol") ? undefined : "the protocol imports nothing";
    case "schema":
      return isLayer("schema", "protocol") || isZod ? undefined : "schemas import only the protocol and zod";
    case "client": {
      const react = importer.startsWith("packages/client/src/react") && isPackage("react");
      return isLayer("client") || isProtocol || react ? undefined : "the client imports only the protocol";
    }
    case "core": {
      // Canonical JSON and its hash are standards that are computed and reach nothing outside (RFC 8785, FIPS 180-4).
      const isHash = importer === hashFile && isPackage("canonicalize", "node:crypto");
      return isLayer("core") || isProtocol || isHash ? undefined : "core imports only the protocol (R1)";
    }
    case "ports":
      if (isLayer("core") && !typesOnly) return "ports take only types from core: write `import type`";
      return isLayer("ports", "core") || isProtocol ? undefined : "ports import only the protocol and core's types";
    case "runtime":
      return isLayer("runtime", "core", "ports") || isProtocol
        ? undefined
        : "runtime imports only core, ports and the protocol";
    case "engine":
      return isLayer("engine", "runtime", "core", "ports") || isProtocol || isNode
        ? undefined
        : "engine imports only core, ports and the protocol";
    case "access":
      // Signed tokens are a standard that is computed and reaches nothing outside (RFC 7519).
      return isLayer("access", "runtime", "core", "ports") || isProtocol || isZod || isNode || isPackage("jose")
        ? undefined
        : "access imports only core, ports, the protocol and jose";
    case "control":
      return isLayer("control", "access", "runtime", "core", "ports") || isProtocol || isZod || isNode
        ? undefined
        : "control imports only access, core, ports and the protocol";
    case "follow":
      return isLayer("follow", "access", "runtime", "core", "ports") || isProtocol || isNode
        ? undefined
        : "follow imports only access, core, ports and the protocol";
    case "devices": {
      // A device's result is taken by the same use case as one over HTTP.
      const isUseCase = imported.kind === "layer" && imported.path === "apps/gateway/src/control/submit-tool-result.ts";
      return isLayer("devices", "access", "runtime", "core", "ports") || isUseCase || isProtocol || isNode
        ? undefined
        : "devices import only access, core, ports, the protocol and the use case of results";
    }
    case "edge": {
      // The one value of this port is the error that every use case may throw.
      const isStoreError = imported.kind === "layer" && imported.path === "apps/gateway/src/ports/store.ts";
      if (isLayer("ports") && !typesOnly && !isLimits && !isStoreError)
        return "edge takes only types from ports: write `import type`";
      const isServer = isPackage("fastify", "ws", "prom-client") || isFastifyPlugin;
      return isLayer("edge", "control", "access", "follow", "devices", "runtime", "ports") ||
        isLimits ||
        isProtocol ||
        isNode ||
        isZod ||
        isServer
        ? undefined
        : "edge imports only control, access, follow, devices, ports' types, the protocol and the server library";
    }
    case "assemble":
      return isLayer("engine", "follow", "devices", "control", "access", "runtime", "core", "ports") || isProtocol
        ? undefined
        : "assemble imports the parts of a gateway, but no adapter and no edge";
    case "adapter": {
      if (isLayer("core") && !typesOnly && !isLimits && !isSharedRule) {
        return "adapters take only types, limits and shared rules from core: write `import type`";
      }
      // An adapter that makes rows or clocks makes ids (RFC 9562). They belong to no vendor.
      if (isLayer("ports", "core", "runtime") || isProtocol || isZod || isNode || isPackage("uuid")) return undefined;
      if (imported.kind === "package") return vendorRefusal(layer.vendor, imported.name);
      return imported.layer.kind === "adapter" && imported.layer.vendor === layer.vendor
        ? undefined
        : "an adapter imports only ports, core's types, the runtime, the protocol and its own vendor";
    }
    case "wiring":
      return undefined;
    case "config":
      return isLayer("config")
        ? undefined
        : "config imports nothing: it reads the environment, whose meaning is for others";
    case "cli":
      if (isPackage("#gateway")) {
        const holds = /\/(dev|start|doctor)\.ts$/.test(importer) || importer === "apps/cli/src/gateway.ts";
        return holds ? undefined : "only the commands dev, start and doctor, and what programs import, load a gateway";
      }
      return (imported.kind === "layer" && imported.layer.kind === "cli") ||
        isProtocol ||
        isNode ||
        isPackage("@hsafa/client", "canonicalize", "commander", "package.json")
        ? undefined
        : "the command line imports only the client, the protocol and its argument parser";
    case "create":
      return isNode ? undefined : "create-hsafa imports only Node, and starts the command";
    case "console": {
      // It reaches the gateway by the client alone, as any other page does.
      const isLibrary = isPackage("react", "react-dom", "react-markdown", "@ariakit/react");
      const isTanstack = imported.kind === "package" && imported.name.startsWith("@tanstack/react-");
      const isStyle = imported.kind === "package" && imported.name.endsWith(".css");
      return isLayer("console") || isProtocol || isPackage("@hsafa/client") || isLibrary || isTanstack || isStyle
        ? undefined
        : "the console imports only the client, the protocol, React and what it is made of";
    }
    case "conformance":
      return isLayer("conformance") || isProtocol || isNode || isPackage("ws")
        ? undefined
        : "the conformance runner imports only the protocol and a WebSocket library";
    default:
      return layer satisfies never;
  }
}

function vendorRefusal(vendor: string, packageName: string): string | undefined {
  if (packageName.startsWith("@hsafa/")) return "an adapter imports no other part of hsafa than the protocol";
  const own = packagesOfVendor[vendor];
  if (own !== undefined) return own.test(packageName) ? undefined : `${packageName} is not the vendor of ${vendor}`;
  const owner = Object.entries(packagesOfVendor).find(([, packages]) => packages.test(packageName));
  return owner === undefined ? undefined : `${packageName} belongs to the adapter ${owner[0]}`;
}

function workspaceOf(path: string): string {
  return path.split("/", 2).join("/");
}

function environmentFaults(source: Source): string[] {
  if (source.path === "apps/gateway/src/config.ts" || source.path === "apps/cli/src/config.ts") return [];
  const fault = `${source.path}: reads the environment, which only config.ts may do`;
  const faults: string[] = [];
  new Visitor({
    MemberExpression: (node) => {
      if (isNamed(node.object, "process") && propertyName(node) === "env") faults.push(fault);
    },
    VariableDeclarator: ({ id, init }) => {
      if (id.type === "ObjectPattern" && init !== null && isNamed(init, "process")) faults.push(fault);
    },
    ImportDeclaration: ({ source: { value } }) => {
      if (value === "node:process" || value === "process") faults.push(fault);
    },
  }).visit(parse(source).program);
  return faults;
}

/** The command line prints by one file alone, whose type says that unseen characters were written out. */
function outputFaults(source: Source): string[] {
  const isStart = source.path === "apps/cli/bin/hsafa.js";
  if (layerOf(source.path)?.kind !== "cli" || source.path === terminalFile || isStart) return [];
  const faults: string[] = [];
  const fault = (): void => {
    faults.push(`${source.path}: prints by itself, but only ${terminalFile} does: take note, tell or print`);
  };
  const outputs = new Set<unknown>(["stdout", "stderr"]);
  new Visitor({
    MemberExpression: (node) => {
      if (isNamed(node.object, "console")) fault();
      if (isNamed(node.object, "process") && outputs.has(propertyName(node))) fault();
    },
    VariableDeclarator: ({ id, init }) => {
      if (id.type === "ObjectPattern" && init !== null && isNamed(init, "console")) fault();
    },
  }).visit(parse(source).program);
  return faults;
}

/** R1: no clock, no randomness, no waiting in `core`. */
function purityFaults(source: Source): string[] {
  if (layerOf(source.path)?.kind !== "core") return [];
  const faults: string[] = [];
  const fault = (what: string): void => {
    faults.push(`${source.path}: uses ${what}, but core is pure (R1): take it as an argument`);
  };
  const asynchronous = ({ async }: { async: boolean }): void => {
    if (async) fault("async");
  };
  new Visitor({
    AwaitExpression: () => fault("await"),
    ForOfStatement: (node) => {
      if (node.await) fault("for await");
    },
    FunctionDeclaration: asynchronous,
    FunctionExpression: asynchronous,
    ArrowFunctionExpression: asynchronous,
    CallExpression: ({ callee }) => {
      if (callee.type === "Identifier" && impureCalls.test(callee.name)) fault(`${callee.name}()`);
    },
    NewExpression: ({ callee, arguments: given }) => {
      if (isNamed(callee, "Date") && given.length === 0) fault("new Date()");
    },
    MemberExpression: (node) => {
      const { object } = node;
      if (object.type !== "Identifier") return;
      const name = propertyName(node);
      if (object.name === "Date" && name === "now") fault("Date.now");
      if (object.name === "Math" && name === "random") fault("Math.random");
      if (impureObjects.test(object.name)) fault(object.name);
    },
  }).visit(parse(source).program);
  return faults;
}

/** SQL parameters have names: a number would be counted by hand, and shift with every parameter before it. */
function sqlFaults(source: Source): string[] {
  if (!source.path.startsWith("apps/gateway/src/adapters/postgres/") || source.path === statementTemplate) return [];
  const faults: string[] = [];
  const check = (text: string): void => {
    for (const [number] of text.matchAll(/\$\d+/g)) {
      faults.push(`${source.path}: numbers an SQL parameter, ${number}: give it a name (${statementTemplate})`);
    }
  };
  new Visitor({
    TemplateElement: ({ value }) => check(value.raw),
    Literal: ({ value }) => {
      if (typeof value === "string") check(value);
    },
  }).visit(parse(source).program);
  return faults;
}

interface Named {
  type: string;
  name?: unknown;
}

function isNamed(node: Named, name: string): boolean {
  return node.type === "Identifier" && node.name === name;
}

function propertyName({ property, computed }: { property: Named & { value?: unknown }; computed: boolean }): unknown {
  return computed ? property.value : property.name;
}
