// Kernels that draw the mesh: triangles set up once, sorted into tiles of the box, then one thread
// for each pixel asks the triangles of its tile. They never read the picture.

struct Line {  // the inner side has run * (y - this.y) - rise * (x - this.x) >= 0
    double x, y, run, rise;
};

struct Plane {  // an affine function of the px, kept between its values at the corners
    double start, across, down, low, high;
};

struct Triangle {
    int first, last, top, bottom;  // columns and rows of the box it may cover; none: first > last
    double x, y;                   // where the planes start
    Line lines[3];
    Plane z, u, v;
};

static_assert(sizeof(Triangle) == 248, "cuda_launch.py allocates them");

__device__ inline Line line_between(const float* points, int a, int b, double sign)
{
    // Always from the lower index to the higher: the two triangles at an edge then get exact
    // negatives, and no pixel centre can fall between them.
    int from = min(a, b), to = max(a, b);
    double flip = a < b ? sign : -sign;
    double x = points[3 * from], y = points[3 * from + 1];
    return {x, y, flip * (points[3 * to] - x), flip * (points[3 * to + 1] - y)};
}

__device__ inline Plane plane_through(
    double bx, double by, double cx, double cy, double first, double second, double third)
{
    double b = second - first, c = third - first, area = bx * cy - by * cx;
    return {
        first, (b * cy - c * by) / area, (c * bx - b * cx) / area,
        fmin(fmin(first, second), third), fmax(fmax(first, second), third)};
}

__device__ inline float plane_at(const Plane* plane, double dx, double dy)
{
    double value = plane->start + dy * plane->down + dx * plane->across;
    return (float)fmin(fmax(value, plane->low), plane->high);
}

// First and last cell of 0..length-1 whose centre lies in low..high.
__device__ inline void cells_between(
    double low, double high, int origin, int length, int* first, int* last)
{
    *first = (int)fmin(fmax(ceil(low - origin - 0.5), 0.0), (double)length);
    *last = (int)fmax(fmin(floor(high - origin - 0.5), length - 1.0), -1.0);
}

extern "C" __global__ void set_up_triangles(
    const float* points, const int* triangles, const float* uv, int count, int x0, int y0,
    int width, int height, Triangle* drawn)
{
    int index = (int)(blockIdx.x * blockDim.x + threadIdx.x);
    if (index >= count) return;
    Triangle* out = drawn + index;
    out->first = width;
    out->last = -1;
    int a = triangles[3 * index], b = triangles[3 * index + 1], c = triangles[3 * index + 2];
    for (int k = 0; k < 3; k++)
        if (!isfinite(points[3 * a + k]) || !isfinite(points[3 * b + k]) ||
            !isfinite(points[3 * c + k]))
            return;
    double ax = points[3 * a], ay = points[3 * a + 1];
    double bx = points[3 * b] - ax, by = points[3 * b + 1] - ay;
    double cx = points[3 * c] - ax, cy = points[3 * c + 1] - ay;
    double au = uv[2 * a], av = uv[2 * a + 1];
    double turn = (uv[2 * b] - au) * (uv[2 * c + 1] - av) - (uv[2 * b + 1] - av) * (uv[2 * c] - au);
    double sign = turn > 0.0 ? 1.0 : -1.0;
    if (turn == 0.0 || !(sign * (bx * cy - by * cx) > 0.0)) return;  // turned away, or flat
    out->x = ax;
    out->y = ay;
    out->lines[0] = line_between(points, a, b, sign);
    out->lines[1] = line_between(points, b, c, sign);
    out->lines[2] = line_between(points, c, a, sign);
    out->z = plane_through(
        bx, by, cx, cy, points[3 * a + 2], points[3 * b + 2], points[3 * c + 2]);
    out->u = plane_through(bx, by, cx, cy, au, uv[2 * b], uv[2 * c]);
    out->v = plane_through(bx, by, cx, cy, av, uv[2 * b + 1], uv[2 * c + 1]);
    Plane x = plane_through(1, 0, 0, 1, ax, points[3 * b], points[3 * c]);
    Plane y = plane_through(1, 0, 0, 1, ay, points[3 * b + 1], points[3 * c + 1]);
    cells_between(x.low, x.high, x0, width, &out->first, &out->last);
    cells_between(y.low, y.high, y0, height, &out->top, &out->bottom);
}

// One bit for each triangle that may touch a tile; one thread for each word of 32 triangles.
// Bits, unlike lists, have a fixed size and an order: results do not depend on timing.
extern "C" __global__ void bin_triangles(
    const Triangle* drawn, int count, int words, int tile, int across, int tiles,
    unsigned int* bins)
{
    int place = (int)(blockIdx.x * blockDim.x + threadIdx.x);
    if (place >= tiles * words) return;
    int column = place / words % across * tile, row = place / words / across * tile;
    int start = place % words * 32, stop = min(start + 32, count);
    unsigned int bits = 0;
    for (int index = start; index < stop; index++) {
        const Triangle* triangle = drawn + index;
        if (triangle->first < column + tile && triangle->last >= column &&
            triangle->first <= triangle->last && triangle->top < row + tile &&
            triangle->bottom >= row)
            bits |= 1u << (index - start);
    }
    bins[place] = bits;
}

// The texel seen at the centre of a pixel of the box; false where no triangle covers it.
// Every block of threads is one tile.
__device__ inline bool texel_at(
    const Triangle* drawn, const unsigned int* bins, int words, int column, int row, int x0,
    int y0, float* texel)
{
    double x = (double)x0 + column + 0.5, y = (double)y0 + row + 0.5;
    const unsigned int* tile = bins + (size_t)(blockIdx.y * gridDim.x + blockIdx.x) * words;
    float depth = 0.0f;
    const Triangle* nearest = 0;
    for (int word = 0; word < words; word++) {
        for (unsigned int bits = tile[word]; bits; bits &= bits - 1) {
            const Triangle* t = drawn + 32 * word + __ffs((int)bits) - 1;
            if (column < t->first || column > t->last || row < t->top || row > t->bottom) continue;
            bool inside = true;
            for (int k = 0; k < 3; k++) {
                const Line* edge = t->lines + k;
                inside = inside && edge->run * (y - edge->y) - edge->rise * (x - edge->x) >= 0.0;
            }
            if (!inside) continue;
            float z = plane_at(&t->z, x - t->x, y - t->y);
            if (!nearest || z < depth) {  // a tie stays with the lower index
                depth = z;
                nearest = t;
            }
        }
    }
    if (!nearest) return false;
    texel[0] = plane_at(&nearest->u, x - nearest->x, y - nearest->y);
    texel[1] = plane_at(&nearest->v, x - nearest->x, y - nearest->y);
    return true;
}

extern "C" __global__ void rasterise(
    const Triangle* drawn, const unsigned int* bins, int words, int x0, int y0, int width,
    int height, float* texels)
{
    int column = (int)(blockIdx.x * blockDim.x + threadIdx.x);
    int row = (int)(blockIdx.y * blockDim.y + threadIdx.y);
    if (column >= width || row >= height) return;
    float* texel = texels + ((size_t)row * width + column) * 2;
    texel[0] = texel[1] = -1.0f;
    texel_at(drawn, bins, words, column, row, x0, y0, texel);
}
