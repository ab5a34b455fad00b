/** Of the product; in package.json too, and a test holds the two together. */
export const VERSION = '0.1.0';
