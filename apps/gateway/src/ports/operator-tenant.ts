/** The tenant of the operator's own key. What an operator gives by environment or by files belongs to it alone. */
export const OPERATOR_TENANT = "default";
