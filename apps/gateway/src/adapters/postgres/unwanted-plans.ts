/**
 * The kinds of plan that no session wants. Every hot statement reads a bounded part of an index, in its order. Without
 * statistics, or with old ones, Postgres would rather gather and sort rows, or read a table that it takes for small. A
 * plan that is kept would stay so while the table grows. Where there is no other plan, Postgres takes one of these.
 */
export const UNWANTED_PLANS = ["enable_seqscan", "enable_bitmapscan"] as const;
