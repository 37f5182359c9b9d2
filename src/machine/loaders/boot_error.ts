/** An image that a machine cannot boot; the message says why. */
export class CannotBootError extends Error {
  override readonly name = "CannotBootError";
}
