// Bit packing as one long number: value i shifted by i * width. Slow and obvious.

export function packReference(residuals: readonly bigint[], width: number): Uint8Array {
  let bits = 0n;
  residuals.forEach((residual, i) => {
    bits |= BigInt.asUintN(width, residual) << BigInt(i * width);
  });
  const bytes = new Uint8Array(Math.ceil((residuals.length * width) / 8));
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number((bits >> BigInt(i * 8)) & 0xffn);
  return bytes;
}
