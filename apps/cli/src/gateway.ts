/** The gateway for programs that start one themselves: `hsafa/gateway`. */
export {
  createGatewayHandler,
  type Gateway,
  type GatewayHandler,
  InvalidSettings,
  type Overrides,
  readSettings,
  type Settings,
  startGateway,
  type ToolFunction,
} from "#gateway";
