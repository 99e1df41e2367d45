/** `-o yaml`. A module of our own around the package: esbuild gives what `import()` loads of a CommonJS package as `default` only. */
import { stringify } from 'yaml'

export const yamlText = (data: unknown): string => stringify(data)
