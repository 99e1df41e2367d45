/** The package has no types of its own. */
declare module 'har-schema' {
  const schemas: Readonly<Record<string, object>> & { readonly har: object }
  export default schemas
}
