/** Whose rows are listed: a user's; null: the tenant's own; undefined: all. */
export type SubjectFilter = string | null | undefined;
