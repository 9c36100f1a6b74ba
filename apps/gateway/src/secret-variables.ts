const NAME = /^HSAFA_SECRET_(\w+)$/;

/** Returns the secrets of tools that the environment gives, by what stands behind `HSAFA_SECRET_`. */
export function secretVariables(env: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  const secrets = Object.entries(env).flatMap(([variable, value]): [string, string][] => {
    const name = NAME.exec(variable)?.[1];
    return name === undefined || value === undefined || value === "" ? [] : [[name, value]];
  });
  return Object.fromEntries(secrets);
}
