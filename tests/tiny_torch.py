"""The backbones of tests in PyTorch, beside those in `tests.tiny`."""

from torch import nn
from torchvision.models.resnet import BasicBlock
from torchvision.models.vgg import make_layers


class TinyResNet(nn.Module):
    """A ResNet of two stages, with torchvision's blocks and its names."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = nn.Sequential(BasicBlock(8, 8))
        shortcut = nn.Sequential(nn.Conv2d(8, 16, 1, stride=2, bias=False), nn.BatchNorm2d(16))
        self.layer2 = nn.Sequential(BasicBlock(8, 16, 2, shortcut))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(16, 1000)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        return self.fc(self.avgpool(self.layer2(self.layer1(x))).flatten(1))


class TinyVGG(nn.Module):
    """A VGG of two blocks, with torchvision's names."""

    def __init__(self):
        super().__init__()
        self.features = make_layers([8, "M", 8, "M"])
        self.avgpool = nn.AdaptiveAvgPool2d(2)
        self.classifier = nn.Sequential(nn.Linear(8 * 2 * 2, 1000))

    def forward(self, x):
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


MODELS = {"tiny": TinyResNet, "tiny_vgg": TinyVGG}
