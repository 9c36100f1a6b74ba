/** The types that a JSON Schema of arguments may name. */
type JsonTypeName = "string" | "number" | "integer" | "boolean" | "null" | "array" | "object";

/** A JSON Schema (draft 2020-12) as a person writes it. */
export interface JsonSchema {
  readonly type?: JsonTypeName | readonly JsonTypeName[];
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly deprecated?: boolean;
  readonly readOnly?: boolean;
  readonly writeOnly?: boolean;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly allOf?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly not?: JsonSchema | boolean;
  readonly if?: JsonSchema | boolean;
  readonly then?: JsonSchema | boolean;
  readonly else?: JsonSchema | boolean;
  readonly properties?: { readonly [name: string]: JsonSchema };
  readonly patternProperties?: { readonly [pattern: string]: JsonSchema };
  readonly additionalProperties?: JsonSchema | boolean;
  readonly unevaluatedProperties?: JsonSchema | boolean;
  readonly propertyNames?: JsonSchema;
  readonly required?: readonly string[];
  readonly dependentRequired?: { readonly [name: string]: readonly string[] };
  readonly dependentSchemas?: { readonly [name: string]: JsonSchema };
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly items?: JsonSchema | boolean;
  readonly prefixItems?: readonly JsonSchema[];
  readonly unevaluatedItems?: JsonSchema | boolean;
  readonly contains?: JsonSchema;
  readonly minContains?: number;
  readonly maxContains?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly contentEncoding?: string;
  readonly contentMediaType?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly multipleOf?: number;
  readonly $schema?: string;
  readonly $id?: string;
  readonly $ref?: string;
  readonly $anchor?: string;
  readonly $comment?: string;
  readonly $defs?: { readonly [name: string]: JsonSchema };
}

/** A JSON Schema of objects: what the arguments of a tool are. */
export interface ObjectSchema extends JsonSchema {
  readonly type: "object";
}

/**
 * The same schema where it is sound, and a type that it does not fit where it is not. Wrong are a keyword that JSON
 * Schema does not have, and a required property that `properties` does not name.
 */
export type CheckedSchema<Schema> = {
  readonly [Key in keyof Schema]: Key extends keyof JsonSchema
    ? Key extends "properties" | "$defs"
      ? { readonly [Name in keyof Schema[Key]]: CheckedSchema<Schema[Key][Name]> }
      : Key extends "items"
        ? Schema[Key] extends boolean
          ? Schema[Key]
          : CheckedSchema<Schema[Key]>
        : Key extends "required"
          ? Schema extends { readonly properties: infer Properties }
            ? readonly (keyof Properties)[]
            : Schema[Key]
          : Schema[Key]
    : never;
};

/** What a value is that fits a JSON Schema, as far as its simple keywords say. */
export type FromJsonSchema<Schema> = Schema extends { readonly const: infer Value }
  ? Value
  : Schema extends { readonly enum: readonly (infer Value)[] }
    ? Value
    : Schema extends { readonly type: "string" }
      ? string
      : Schema extends { readonly type: "number" | "integer" }
        ? number
        : Schema extends { readonly type: "boolean" }
          ? boolean
          : Schema extends { readonly type: "null" }
            ? null
            : Schema extends { readonly type: "array"; readonly items: infer Items }
              ? FromJsonSchema<Items>[]
              : Schema extends { readonly type: "object"; readonly properties: infer Properties }
                ? ObjectOf<Properties, RequiredOf<Schema>>
                : Schema extends { readonly type: "object" }
                  ? { readonly [name: string]: unknown }
                  : unknown;

type RequiredOf<Schema> = Schema extends { readonly required: readonly (infer Name)[] } ? Name : never;

type ObjectOf<Properties, Required> = {
  readonly [Name in keyof Properties as Name extends Required ? Name : never]: FromJsonSchema<Properties[Name]>;
} & {
  readonly [Name in keyof Properties as Name extends Required ? never : Name]?: FromJsonSchema<Properties[Name]>;
};
