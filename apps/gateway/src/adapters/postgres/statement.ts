import type { TenantId } from "../../core/tenant-id.ts";

/**
 * SQL whose parameters have names. A statement declares each parameter with its SQL type, and writes it as `:name` in
 * its text. The text is numbered once, when the module loads; the values are put in that order at each call.
 *
 * 1. The text names exactly the parameters that are declared. Otherwise the module does not load.
 * 2. A text contains no `$1` of its own. Otherwise the module does not load.
 * 3. Each place of a parameter gets a cast to its type, so Postgres never has to guess it.
 * 4. Names are not looked for in strings, quoted identifiers, comments and casts (`a::text`).
 * 5. A statement of one tenant has the parameter `tenantId`. It is the scope of the query as well, by which Postgres
 *    shows no other rows.
 */

/** What a parameter of each SQL type takes. `json` takes JSON as text, `bigint` the digits of a number. */
interface TypeValues {
  readonly bool: boolean;
  readonly bytea: Uint8Array;
  readonly float8: number;
  readonly int: number;
  readonly json: string;
  readonly text: string;
  readonly uuid: string;
  readonly bigint: string;
  readonly tenant: TenantId;
}
type Type = keyof TypeValues;

/**
 * The SQL type of a parameter: `text`; `text?` takes null as well; `text[]` takes an array, whose elements may be null.
 */
type ParameterType = Type | `${Type}?` | `${Type}[]`;

/** Parameters with their types, by name. */
export type ParameterTypes = Readonly<Record<string, ParameterType>>;

type ValueOf<T extends ParameterType> = T extends `${infer Element extends Type}[]`
  ? readonly (Exclude<TypeValues[Element], Uint8Array> | null)[]
  : T extends `${infer Nullable extends Type}?`
    ? TypeValues[Nullable] | null
    : T extends Type
      ? TypeValues[T]
      : never;

/** The values that these parameters take, by name. */
export type ValuesOf<P extends ParameterTypes> = { readonly [Name in keyof P]: ValueOf<P[Name]> };

type Scalar = string | number | boolean | null;
export type SqlValue = Scalar | Uint8Array | readonly Scalar[];

/** The rows of one tenant. */
export interface TenantScope {
  readonly kind: "tenant";
  readonly tenantId: TenantId;
}

/** The rows of all tenants. */
export interface FleetScope {
  readonly kind: "fleet";
}

/** Whose rows a query may touch. */
export type QueryScope = TenantScope | FleetScope;

/** A statement with its values, ready to be sent. Postgres keeps the prepared plan under the name. */
export interface Query<Scope extends QueryScope = QueryScope> {
  readonly name: string;
  readonly text: string;
  readonly values: readonly SqlValue[];
  readonly scope: Scope;
}

export interface Statement<P extends ParameterTypes, Scope extends QueryScope> {
  /** With numbered parameters. */
  readonly text: string;
  (values: ValuesOf<P>): Query<Scope>;
}

interface StatementSource<P extends ParameterTypes> {
  /** Unique: Postgres keeps the prepared plan under it. */
  readonly name: string;
  readonly parameters: P;
  readonly text: string;
}

const FLEET: FleetScope = { kind: "fleet" };

/** The values of every statement of one tenant. */
type TenantParameter = { readonly tenantId: "tenant" };

/** A statement that touches rows of one tenant (R10), which its text names as `:tenantId`. */
export function tenantStatement<const P extends ParameterTypes>(
  source: StatementSource<P>,
): Statement<P & TenantParameter, TenantScope> {
  const parameters: P & TenantParameter = { ...source.parameters, tenantId: "tenant" };
  return statement({ ...source, parameters }, (values: ValuesOf<TenantParameter>) => ({
    kind: "tenant",
    tenantId: values.tenantId,
  }));
}

/** A statement that serves all tenants. */
export function fleetStatement<const P extends ParameterTypes>(source: StatementSource<P>): Statement<P, FleetScope> {
  return statement(source, () => FLEET);
}

function statement<P extends ParameterTypes, Scope extends QueryScope>(
  { name, parameters, text: source }: StatementSource<P>,
  scopeOf: (values: ValuesOf<P>) => Scope,
): Statement<P, Scope> {
  const { text, names } = numbered(name, source, parameters);
  const bind = (values: ValuesOf<P>): Query<Scope> => {
    const ordered = names.map((parameter): SqlValue => {
      const value: SqlValue | undefined = values[parameter];
      if (value === undefined) throw new Error(`the statement ${name} needs the parameter '${String(parameter)}'`);
      return value;
    });
    const given = Object.keys(values);
    if (given.length > names.length) {
      const excess = given.find((parameter) => !Object.hasOwn(parameters, parameter));
      throw new Error(`the statement ${name} has no parameter '${excess}'`);
    }
    return { name, text, values: ordered, scope: scopeOf(values) };
  };
  return Object.assign(bind, { text });
}

/** What is passed over (4), then a name, then a number. */
const TOKENS = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--.*|\/\*[^]*?\*\/|::|:(?<name>[a-z]\w*)|\$\d+/gi;

function numbered<P extends ParameterTypes>(
  statementName: string,
  text: string,
  parameters: P,
): { readonly text: string; readonly names: readonly (keyof P)[] } {
  const names: string[] = [];
  const result = text.replaceAll(TOKENS, (token, name: string | undefined) => {
    // 2.
    if (token.startsWith("$")) throw new Error(`the statement ${statementName} numbers a parameter itself: ${token}`);
    if (name === undefined) return token;
    const type = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    // 1.
    if (type === undefined) throw new Error(`the statement ${statementName} does not declare its parameter '${name}'`);
    if (!names.includes(name)) names.push(name);
    // 3.
    return `$${names.indexOf(name) + 1}${castTo(type)}`;
  });
  const unused = Object.keys(parameters).find((name) => !names.includes(name));
  // 1.
  if (unused !== undefined) throw new Error(`the statement ${statementName} does not use its parameter '${unused}'`);
  return { text: result, names };
}

/** JSON goes as text: the driver would write a value of type json anew. */
function castTo(type: ParameterType): string {
  const plain = type.replace("?", "");
  if (plain === "json") return "::text::json";
  return `::${plain.replace("tenant", "uuid")}`;
}
