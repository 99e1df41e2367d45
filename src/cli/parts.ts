/** The parts of the program that commands run, each loaded when it is needed. Tests give their own. */
import type { PortMapping } from '../resolve/types.ts'
import type { RunIntercept } from './intercept-request.ts'

export interface Parts {
  runIntercept: () => Promise<RunIntercept>
  resolve: () => Promise<{ parsePortMapping: (text: string) => PortMapping }>
}

const load = async <T>(module: string): Promise<T> => (await import(module)) as T

export const realParts: Parts = {
  runIntercept: async () => (await load<{ runIntercept: RunIntercept }>('../session/run.ts')).runIntercept,
  resolve: () => load('../resolve/port-mapping.ts')
}
