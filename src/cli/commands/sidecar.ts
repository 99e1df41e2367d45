/** `kubectl intercept sidecar`: takes gost's own arguments. */
import type { CommandContext } from '../context.ts'
import { runGostProcess } from '../gost-process.ts'

export const run = (context: CommandContext): Promise<number> => runGostProcess(context, 'sidecar')
