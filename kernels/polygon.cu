// Kernels that fill closed polygons, antialiased: where each sub-scanline crosses the edges, found
// once, then how much of a pixel lies between crossings. Even-odd, exact horizontally.

#define SUBSCANLINES 4

// One thread for each sub-scanline of each polygon: its crossings, sorted, in px of the frame.
// Polygon p has the corners starts[p] .. starts[p + 1] - 1; crossing k of sub-scanline n is
// crossings[(p * capacity + k) * lines + n].
extern "C" __global__ void cross_polygons(
    const float* corners, const int* starts, int polygons, int y0, int lines, int capacity,
    double* crossings, int* counts)
{
    int thread = (int)(blockIdx.x * blockDim.x + threadIdx.x);
    if (thread >= polygons * lines) return;
    int polygon = thread / lines, line = thread % lines;
    int start = starts[polygon], stop = starts[polygon + 1];
    double* found = crossings + (size_t)polygon * capacity * lines + line;
    double y = y0 + (line + 0.5) / SUBSCANLINES;
    int count = 0;
    for (int k = start; k < stop; k++) {
        int after = k + 1 < stop ? k + 1 : start;
        double ay = corners[2 * k + 1], by = corners[2 * after + 1];
        if ((ay <= y) == (by <= y)) continue;
        double ax = corners[2 * k], bx = corners[2 * after];
        double crossing = ax + (y - ay) * ((bx - ax) / (by - ay));
        int place = count++;  // insertion sort: a scanline meets few edges
        for (; place > 0 && found[(size_t)(place - 1) * lines] > crossing; place--)
            found[(size_t)place * lines] = found[(size_t)(place - 1) * lines];
        found[(size_t)place * lines] = crossing;
    }
    counts[thread] = count;
}

__device__ inline double part_between(double begin, double end, double left)
{
    return fmax(fmin(end, left + 1.0) - fmax(begin, left), 0.0);
}

// The sub-scanlines begin a row above the box and end a row below it, because a pixel takes the
// share `soft` of each neighbour's coverage, first along x, then along y.
__device__ inline float coverage_at(
    const double* crossings, const int* counts, int lines, int capacity, int polygon, int row,
    double left, float soft)
{
    const double* found = crossings + (size_t)polygon * capacity * lines;
    int reach = soft > 0.0f;
    double sum = 0.0;
    for (int near = -reach; near <= reach; near++) {
        double share = (near ? soft : 1.0 - 2.0 * soft) / SUBSCANLINES;
        int first = (row + 1 + near) * SUBSCANLINES;
        for (int line = first; line < first + SUBSCANLINES; line++) {
            int count = counts[polygon * lines + line];
            for (int k = 0; k < count; k += 2) {
                double begin = found[(size_t)k * lines + line];
                double end = found[(size_t)(k + 1) * lines + line];
                double part = (1.0 - 2.0 * soft) * part_between(begin, end, left);
                if (reach)
                    part += soft * (part_between(begin, end, left - 1.0)
                                    + part_between(begin, end, left + 1.0));
                sum += share * part;
            }
        }
    }
    return (float)fmin(sum, 1.0);
}

extern "C" __global__ void polygon_coverage(
    const double* crossings, const int* counts, int capacity, const float* soft, int x0, int width,
    int height, float* coverage)
{
    int column = (int)(blockIdx.x * blockDim.x + threadIdx.x);
    int row = (int)(blockIdx.y * blockDim.y + threadIdx.y);
    if (column >= width || row >= height) return;
    int lines = (height + 2) * SUBSCANLINES;
    coverage[(size_t)row * width + column] =
        coverage_at(crossings, counts, lines, capacity, 0, row, (double)x0 + column, soft[0]);
}
