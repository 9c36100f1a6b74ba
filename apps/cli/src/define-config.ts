/** What `hsafa.config.ts` says about a project. Every field has a default. */
export interface ProjectConfig {
  /** Where the agents lie: folders and files. `["agents"]` if left out. */
  readonly agents?: readonly string[];
  /** Where `hsafa dev` listens; 0 is any free port. `PORT` goes before it, and `--port` before both. */
  readonly port?: number;
  /** Pages of these origins may use the gateway of `hsafa dev`, beside those of `HSAFA_ALLOWED_ORIGINS`. */
  readonly allowedOrigins?: readonly string[];
}

/** Defines the settings of a project, for `export default` in `hsafa.config.ts`. A wrong field does not compile. */
export function defineConfig(config: ProjectConfig): ProjectConfig {
  return config;
}
