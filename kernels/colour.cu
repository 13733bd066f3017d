// The sRGB curve (IEC 61966-2-1) of one value: the twin of colour.py. It knows no pictures.

__device__ inline float srgb_to_linear(float x)
{
    return x <= 0.04045f ? x / 12.92f : powf((x + 0.055f) / 1.055f, 2.4f);
}

__device__ inline float linear_to_srgb(float x)
{
    return x <= 0.0031308f ? x * 12.92f : 1.055f * powf(x, 1.0f / 2.4f) - 0.055f;
}
