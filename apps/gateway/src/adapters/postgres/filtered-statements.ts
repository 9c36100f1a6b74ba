import type { TenantId } from "../../core/tenant-id.ts";
import { LIST_STATEMENTS_MAX } from "./limits.ts";
import {
  type ParameterTypes,
  type Query,
  type Statement,
  type TenantScope,
  tenantStatement,
  type ValuesOf,
} from "./statement.ts";

/** What may be asked for: the parameters of each filter, and what it means as SQL; null: `textOf` says it. */
type Filters = Readonly<Record<string, { readonly parameters: ParameterTypes; readonly holds: string | null }>>;

/** What is asked for, with the values of its parameters. */
export type Asked<F extends Filters> = { readonly [Name in keyof F]?: ValuesOf<F[Name]["parameters"]> };

type ListStatement = Statement<ParameterTypes & { readonly tenantId: "tenant" }, TenantScope>;

/**
 * Statements that list rows, one for each set of filters that was asked for. A filter that is not asked for is not in
 * the text, so Postgres plans for what is. `part`: the parameters that say where a list begins and ends. `textOf` gets
 * the filters by name.
 */
export function filteredStatements<const F extends Filters, const Part extends ParameterTypes>(source: {
  readonly name: string;
  readonly filters: F;
  readonly part: Part;
  readonly textOf: (names: readonly (keyof F & string)[]) => string;
}): (tenantId: TenantId, asked: Asked<F>, part: ValuesOf<Part>) => Query<TenantScope> {
  const { name, filters, part, textOf } = source;
  const kept = new Map<string, ListStatement>();
  const statementOf = (names: readonly (keyof F & string)[]): ListStatement => {
    const fullName = [name, ...names].join(":");
    const known = kept.get(fullName);
    if (known !== undefined) return known;
    const asked = names.flatMap((each) => Object.entries(filters[each]?.parameters ?? {}));
    const parameters: ParameterTypes = { ...part, ...Object.fromEntries(asked) };
    // Postgres keeps no plan of a statement without a name.
    const isKept = kept.size < LIST_STATEMENTS_MAX;
    const statement = tenantStatement({ name: isKept ? fullName : "", parameters, text: textOf(names) });
    if (isKept) kept.set(fullName, statement);
    return statement;
  };
  return (tenantId, asked, values) => {
    const names = Object.keys(filters).filter((each) => asked[each] !== undefined);
    const ofFilters = Object.assign({}, ...names.map((each) => asked[each])) as ValuesOf<ParameterTypes>;
    return statementOf(names)({ ...ofFilters, ...values, tenantId });
  };
}
