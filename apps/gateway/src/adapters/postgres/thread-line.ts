/**
 * SQL: the threads whose runs stand in a row `t` of threads, as rows `line`. `place` is their order, and `turns` the
 * last turn that counts of each. `ownTurns` is that of `t` itself.
 */
export function threadLine(ownTurns: string): string {
  return `(
    select a.id, a.turns, a.place from unnest(t.ancestor_ids, t.ancestor_turns) with ordinality as a (id, turns, place)
    union all
    select t.id, ${ownTurns}, cardinality(t.ancestor_ids) + 1
  ) as line`;
}
