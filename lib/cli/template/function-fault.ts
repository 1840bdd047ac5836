/** Thrown by a function of a template: told with the function's name. */
export class FunctionFault extends Error {}
