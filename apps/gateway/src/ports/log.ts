/**
 * What an operator should know. It is the only way to tell of trouble. An error goes into the field `err`. pino has
 * this shape.
 */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
