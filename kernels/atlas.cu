// Kernels of the atlas, one thread for each texel: what it sees, how its map fades and smooths.
// They never check their arguments (cuda_kernels.py and the twins' shapes.py do).

__device__ inline int texel_of_thread()
{
    return (int)(blockIdx.x * blockDim.x + threadIdx.x);
}

__device__ inline int clamped(int index, int length)
{
    return min(max(index, 0), length - 1);
}

// How well each vertex is seen, from the sum of its triangles' normals. One thread a vertex goes
// through all triangles: there are few, and always the same order gives always the same sum.
extern "C" __global__ void facing(
    const float* points, const int* triangles, int vertices, int count, float low, float high,
    float* seen)
{
    int vertex = texel_of_thread();
    if (vertex >= vertices) return;
    double normal[3] = {0.0, 0.0, 0.0};
    for (int triangle = 0; triangle < count; triangle++) {
        const int* corner = triangles + 3 * triangle;
        int times = (corner[0] == vertex) + (corner[1] == vertex) + (corner[2] == vertex);
        if (times == 0) continue;
        const float *a = points + 3 * corner[0], *b = points + 3 * corner[1];
        const float* c = points + 3 * corner[2];
        double u[3], v[3];
        for (int k = 0; k < 3; k++) {
            u[k] = (double)b[k] - a[k];
            v[k] = (double)c[k] - a[k];
        }
        for (int k = 0; k < 3; k++) {
            int next = (k + 1) % 3, last = (k + 2) % 3;
            double part = u[next] * v[last] - u[last] * v[next];
            for (int time = 0; time < times; time++) normal[k] += part;
        }
    }
    double length = sqrt(normal[0] * normal[0] + normal[1] * normal[1] + normal[2] * normal[2]);
    double t = (-normal[2] / (length < 1e-9 ? 1e-9 : length) - low) / ((double)high - low);
    t = t < 0.0 ? 0.0 : t > 1.0 ? 1.0 : t;  // a NaN stays one
    seen[vertex] = (float)(t * t * (3.0 - 2.0 * t));
}

// The mean of the frame over a square of stride x stride px around each texel's position.
// A step is the distance of neighbours in floats, so that colour and visibility may share an array.
extern "C" __global__ void unwrap(
    const unsigned char* frame, int height, int width, const float* points, int point_step,
    const float* vertex_visibility, const int* triangles, const int* texel_triangle,
    const float* texel_barycentric, int texels, int stride, float* colour, int colour_step,
    float* visibility, int visibility_step)
{
    int texel = texel_of_thread();
    if (texel >= texels) return;
    float* out = colour + (size_t)texel * colour_step;
    float* seen_out = visibility + (size_t)texel * visibility_step;
    out[0] = out[1] = out[2] = *seen_out = 0.0f;
    int triangle = texel_triangle[texel];
    if (triangle < 0) return;
    // In double precision, as the reference, so that both agree on what is inside the frame.
    double x = 0.0, y = 0.0, seen = 0.0;
    for (int k = 0; k < 3; k++) {
        int vertex = triangles[3 * triangle + k];
        double weight = texel_barycentric[3 * texel + k];
        const float* point = points + (size_t)vertex * point_step;
        x += weight * point[0];
        y += weight * point[1];
        seen += weight * vertex_visibility[vertex];
    }
    if (!isfinite(x) || !isfinite(y)) return;
    if (x >= 0 && x < width && y >= 0 && y < height && isfinite(seen)) *seen_out = (float)seen;
    double side = stride;
    x = fmin(fmax(x, -side), width + side) - 0.5 * side;
    y = fmin(fmax(y, -side), height + side) - 0.5 * side;
    int left = (int)floor(x), top = (int)floor(y);
    float fx = (float)(x - left), fy = (float)(y - top);
    float sum[3] = {0.0f, 0.0f, 0.0f};
    for (int j = 0; j <= stride; j++) {
        const unsigned char* row = frame + (size_t)clamped(top + j, height) * width * 3;
        float wy = j == 0 ? 1.0f - fy : j == stride ? fy : 1.0f;
        for (int i = 0; i <= stride; i++) {
            const unsigned char* pixel = row + 3 * clamped(left + i, width);
            float w = wy * (i == 0 ? 1.0f - fx : i == stride ? fx : 1.0f);
            for (int k = 0; k < 3; k++) sum[k] += w * pixel[k];
        }
    }
    float scale = 1.0f / (255.0f * stride * stride);
    for (int k = 0; k < 3; k++) out[k] = sum[k] * scale;
}

// The map of one texel at strength g; where g is 0 exactly the identity, whatever the map holds.
__device__ inline void fade(const float* map, float g, float* faded)
{
    for (int k = 0; k < 3; k++) {
        float gain = 1.0f + g * (map[k] - 1.0f);
        faded[k] = g == 0.0f ? 1.0f : gain < 0.0f ? 0.0f : gain;  // a NaN stays one
        faded[3 + k] = g == 0.0f ? 0.0f : g * map[3 + k];
    }
}

extern "C" __global__ void gate(
    const float* affine, const float* weights, const float* gates, int regions,
    const float* visibility, int visibility_step, const float* free, int texels, float* gated)
{
    int texel = texel_of_thread();
    if (texel >= texels) return;
    float sum = 0.0f;
    for (int k = 0; k < regions; k++) sum += weights[(size_t)texel * regions + k] * gates[k];
    float g = visibility[(size_t)texel * visibility_step] * free[texel] * sum;
    fade(affine + (size_t)texel * 6, g, gated + (size_t)texel * 6);
}

__device__ inline float mixed(float before, float now, float weight)
{
    if (!isfinite(now)) return before;
    if (!isfinite(before)) return now;
    return (1.0f - weight) * before + weight * now;
}

extern "C" __global__ void ema(
    const float* previous, const float* current, const float* weight, int channels, int texels,
    float* smoothed)
{
    int texel = texel_of_thread();
    if (texel >= texels) return;
    for (int k = 0; k < channels; k++) {
        size_t place = (size_t)texel * channels + k;
        smoothed[place] = mixed(previous[place], current[place], weight[texel]);
    }
}

// `ema` whose weight follows from the change: at least `step`, 1 for a change of `believed`, 0 where
// the texel is hidden. `smoothed` may be `previous`.
extern "C" __global__ void follow(
    const float* previous, const float* current, const float* visibility, int visibility_step,
    float step, float believed, int channels, int texels, float* smoothed)
{
    int texel = texel_of_thread();
    if (texel >= texels) return;
    const float* before = previous + (size_t)texel * channels;
    const float* now = current + (size_t)texel * channels;
    float largest = 0.0f;
    for (int k = 0; k < channels; k++) {
        float difference = fabsf(now[k] - before[k]);
        if (isfinite(difference)) largest = fmaxf(largest, difference);
    }
    float change = fminf(largest / believed, 1.0f);
    float weight = step + (1.0f - step) * change * change;
    if (!(visibility[(size_t)texel * visibility_step] > 0.0f)) weight = 0.0f;
    for (int k = 0; k < channels; k++)
        smoothed[(size_t)texel * channels + k] = mixed(before[k], now[k], weight);
}

// One neighbour in time taken into the running mean and its sum of weights, both in place; the
// first one starts them from the layer itself.
extern "C" __global__ void average(
    float* mean, float* total, const float* own, const float* visibility, int visibility_step,
    const float* other, const float* seen, int seen_step, float near, float believed,
    float hidden_weight, int first, int channels, int texels)
{
    int texel = texel_of_thread();
    if (texel >= texels) return;
    size_t place = (size_t)texel * channels;
    bool hidden = visibility[(size_t)texel * visibility_step] <= 0.0f;
    float largest = 0.0f;
    for (int k = 0; k < channels; k++) {
        float difference = fabsf(other[place + k] - own[place + k]);
        if (isfinite(difference)) largest = fmaxf(largest, difference);
    }
    float change = largest * (1.0f / believed);
    float alike = hidden ? 1.0f : fmaxf(1.0f - change * change, 0.0f);
    float share = seen[(size_t)texel * seen_step] > 0.0f ? near * alike : 0.0f;
    float sum = (first ? (hidden ? hidden_weight : 1.0f) : total[texel]) + share;
    total[texel] = sum;
    for (int k = 0; k < channels; k++) {
        float before = first ? own[place + k] : mean[place + k];
        mean[place + k] = mixed(before, other[place + k], share / sum);
    }
}
