// Kernels that paint the frame: the layer's map at a texel, applied to one pixel in linear light.
// A pixel that the layer leaves alone is never written.

// Equal ends give exactly that value, so that an identity stays one; where the distance of two
// finite ends is not finite, the weighted sum is.
__device__ inline float between(float a, float b, float share)
{
    float distance = b - a;
    return isfinite(distance) ? a + share * distance : (1.0f - share) * a + share * b;
}

// A layer of side x side maps. Its two sheets, everything but lips and then lips, take the map of
// another texel where `sources` says so.
struct Layer {
    const float* maps;
    const int* sources;
    int side;
};

__device__ inline void sample(Layer layer, int sheet, float u, float v, float* map)
{
    int side = layer.side;
    float edge = (float)(side - 1);
    float x = fminf(fmaxf(u - 0.5f, 0.0f), edge), y = fminf(fmaxf(v - 0.5f, 0.0f), edge);
    int left = (int)x, top = (int)y;
    int right = min(left + 1, side - 1), bottom = min(top + 1, side - 1);
    const int* source = layer.sources + (size_t)sheet * side * side;
    const float* a = layer.maps + (size_t)source[top * side + left] * 6;
    const float* b = layer.maps + (size_t)source[top * side + right] * 6;
    const float* c = layer.maps + (size_t)source[bottom * side + left] * 6;
    const float* d = layer.maps + (size_t)source[bottom * side + right] * 6;
    for (int k = 0; k < 6; k++) {
        float upper = between(a[k], b[k], x - left);
        map[k] = between(upper, between(c[k], d[k], x - left), y - top);
    }
}

__device__ inline void paint_pixel(
    unsigned char* pixel, Layer layer, float u, float v, float lips, float cover)
{
    if (!(cover > 0.0f && u >= 0.0f && v >= 0.0f)) return;
    float map[6];
    sample(layer, lips >= 1.0f, u, v, map);
    if (lips > 0.0f && lips < 1.0f) {
        float other[6];
        sample(layer, 1, u, v, other);
        for (int k = 0; k < 6; k++) map[k] = between(map[k], other[k], lips);
    }
    bool identity = true, finite = true;
    for (int k = 0; k < 6; k++) {
        identity = identity && map[k] == (k < 3 ? 1.0f : 0.0f);
        finite = finite && isfinite(map[k]);
    }
    if (identity || !finite) return;
    for (int k = 0; k < 3; k++) {
        float light = srgb_to_linear(pixel[k] / 255.0f);
        float painted = map[k] * light + map[3 + k];
        float light_after = fminf(fmaxf(light + cover * (painted - light), 0.0f), 1.0f);
        pixel[k] = (unsigned char)(255.0f * linear_to_srgb(light_after) + 0.5f);
    }
}

extern "C" __global__ void composite(
    unsigned char* image, int image_width, int image_height, const float* texels, int x0, int y0,
    int width, int height, const float* maps, const int* sources, int side, const float* lips,
    const float* cover)
{
    int column = (int)(blockIdx.x * blockDim.x + threadIdx.x);
    int row = (int)(blockIdx.y * blockDim.y + threadIdx.y);
    if (column >= width || row >= height) return;
    int x = x0 + column, y = y0 + row;
    if (x < 0 || x >= image_width || y < 0 || y >= image_height) return;
    size_t place = (size_t)row * width + column;
    paint_pixel(
        image + ((size_t)y * image_width + x) * 3, Layer{maps, sources, side}, texels[2 * place],
        texels[2 * place + 1], lips[place], cover[place]);
}

// rasterise, polygon_coverage and composite in one pass over the box: neither texels nor masks are
// ever stored. The first polygon bounds the lips, the others are holes.
extern "C" __global__ void paint(
    unsigned char* image, int image_width, int image_height, int x0, int y0, int width, int height,
    const Triangle* drawn, const unsigned int* bins, int words, const double* crossings,
    const int* counts, int polygons, int capacity, const float* soft, const float* maps,
    const int* sources, int side)
{
    int column = (int)(blockIdx.x * blockDim.x + threadIdx.x);
    int row = (int)(blockIdx.y * blockDim.y + threadIdx.y);
    if (column >= width || row >= height) return;
    int x = x0 + column, y = y0 + row;
    if (x < 0 || x >= image_width || y < 0 || y >= image_height) return;
    float texel[2];
    if (!texel_at(drawn, bins, words, column, row, x0, y0, texel)) return;
    int lines = (height + 2) * SUBSCANLINES;
    float hidden = 0.0f;
    for (int polygon = 1; polygon < polygons; polygon++)
        hidden += coverage_at(
            crossings, counts, lines, capacity, polygon, row, x, soft[polygon]);
    hidden = fminf(hidden, 1.0f);
    float lips = coverage_at(crossings, counts, lines, capacity, 0, row, x, soft[0]);
    paint_pixel(
        image + ((size_t)y * image_width + x) * 3, Layer{maps, sources, side}, texel[0], texel[1],
        lips, 1.0f - hidden);
}
